# A photo is computed and its answer written while the next one is still being read, with one thread too.
cp "$photos/chelsea.jpg" .
mkfifo slow.jpg answers
for threads in 1 2; do
    timeout 200 "$lince" classify "$lite0" chelsea.jpg slow.jpg --top 1 --batch-size 1 --threads $threads >answers &
    {
        timeout 150 head -n 1 || echo "no answer before the next photo is there"
        cat "$photos/coffee.jpg" >slow.jpg
        cat
    } <answers
    wait
done
