"""The blind set: cases whose expected class was committed before any was judged, and which stay as they were."""
