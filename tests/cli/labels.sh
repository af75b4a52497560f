cp "$photos/chelsea.jpg" .
(echo background; cat "$lite0/labels.txt") >1001.txt
t classify "$lite0" chelsea.jpg --top 1 --labels 1001.txt
t classify "$lite0" chelsea.jpg --top 1 --labels 1001.txt --quiet
head -n 999 "$lite0/labels.txt" >999.txt
t classify "$lite0" chelsea.jpg --labels 999.txt
t classify "$lite0" chelsea.jpg --labels missing.txt
t classify "$lite0" chelsea.jpg --labels "$photos/chelsea.jpg"
sed 's/$/\r/' "$lite0/labels.txt" >dos.txt
echo >>dos.txt
t classify "$lite0" chelsea.jpg --top 1 --labels dos.txt

# Names come from strangers: no control character reaches the terminal, and JSON stays UTF-8.
sed 's/Egyptian/\x1b[31m/; s/tiger cat/\xff/' "$lite0/labels.txt" >names.txt
t classify "$lite0" chelsea.jpg --top 2 --labels names.txt
t classify "$lite0" chelsea.jpg --top 2 --labels names.txt --json | cut -d] -f1,2
cp -r "$lite0" bare_lite0
rm bare_lite0/labels.txt
t classify bare_lite0 chelsea.jpg --top 1
t classify bare_lite0 chelsea.jpg --top 1 --json | cut -d] -f1
