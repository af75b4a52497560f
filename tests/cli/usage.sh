t
t --help
t help ops
t --frob
t frob
t help frob
t classify
t classify model
t info
t info a b
t ops a
t classify model a.jpg --losses
t classify model a.jpg --frob
t classify model a.jpg --frob=1
t classify model a.jpg --json=1
t classify model a.jpg -z
t classify model a.jpg --top
t classify model a.jpg --top 0
t classify model a.jpg --top=3x
t classify model a.jpg --scores best
t classify model a.jpg --size 0x4
t classify model a.jpg --size 224y224
t classify model a.jpg --resize fit
t classify model a.jpg --crop-pct 1.5
t classify model a.jpg --range 0,2
t classify model a.jpg --mean 1,2
t classify model a.jpg --std 1,0,1
t classify model a.jpg --range -1,1 --mean 0,0,0
t classify model a.jpg --files-from - -
t classify model - -
t classify model a.jpg --threads 0
t classify model a.jpg --memory-limit lots
t embed model a.jpg
t decode a.jpg
t decode a.jpg -o a.npy --channels 2
t bench model --seconds long
t run model --expect a.npy --rtol -1
t run model --input x.npy --input
