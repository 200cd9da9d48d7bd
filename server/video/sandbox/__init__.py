"""Files from elsewhere are opened, demuxed and decoded in a process of their own that can do nothing else: no
network, no other program, no writing, bounded memory and time (`confine`). `child` is what runs in it,
`client` speaks to it, `ring` is the memory in which frames come back."""
