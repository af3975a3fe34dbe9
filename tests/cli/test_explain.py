"""explain and schema: what the field tables say."""

import json

from cli import ROOT, CliTest

KINDS = ("Model", "ModelVersion", "ModelDeployment", "Environment", "GatePolicy")


class ExplainTest(CliTest):
    def test_every_kind_and_a_field(self):
        for kind in KINDS:
            self.assertIn("spec: a map", self.ok("explain", kind))
        text = self.ok("explain", "modeldeployment.rollout.steps[1].weight")
        self.assertIn("a share from 0.01% to 100%, required", text)
        self.assertEqual(text, self.ok("explain", "ModelDeployment.spec.rollout.steps.weight")
                         .replace("steps.weight", "steps[1].weight"))
        self.assertIn("metadata.name: a name", self.ok("explain", "Model.metadata.name"))

    def test_a_mistake_names_the_nearest(self):
        self.assertIn("no key 'rolout'; did you mean 'rollout'?",
                      self.fails("explain", "ModelDeployment.rolout"))
        self.assertIn("did you mean Environment?", self.fails("explain", "Enviroment"))
        self.assertIn("write Model, ModelVersion", self.fails("schema", "x"))

    def test_the_schemas_in_the_repository_are_of_today(self):
        for kind in KINDS:
            text = (ROOT / f"manifests/schemas/{kind}.json").read_text()
            self.assertEqual(text, self.ok("schema", kind), "run make schemas")
            self.assertEqual(json.loads(text)["properties"]["kind"]["enum"], [kind])
