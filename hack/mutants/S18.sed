# file: pkg/manifest/status.c
# breaks: S18, the status forgets that it goes back
/name = "goingBack"/,/help/d
