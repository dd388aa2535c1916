"""A live relay: RTSP/TCP and RTMP, publish and play, with a control API in MediaMTX's form."""
