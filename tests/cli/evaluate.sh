# Class folders through a model with labels. Other classes of it may be the answer, but have no folder.
mkdir -p "set/Egyptian cat/more" set/espresso set/missile set/tabby set/daisy set/.hidden
cp "$photos/chelsea.jpg" "set/Egyptian cat/a.jpg"
cp "$photos/chelsea.jpg" "set/Egyptian cat/more/b.jpg"
cp "$photos/chelsea.jpg" set/tabby/c.jpg
cp "$photos/coffee.jpg" set/espresso/1.jpg
cp "$photos/rocket.jpg" set/missile/r.jpg
cp "$photos/astronaut.jpg" set/missile/s.jpg
cp "$photos/flower.jpg" set/beside.jpg
t evaluate "$lite0" set
t evaluate "$lite0" set --top 2 --json --quiet
t evaluate "$lite0" set --labels "$lite0/labels.txt" --crop-pct 0.875 --batch-size 2 --threads 2 --quiet | head -3

# The answers are those of classify.
"$lince" classify "$lite0" set/[!b]* --top 1 --json --quiet |
    sed 's|.*"image":"set/\([^/]*\)/.*"label":"\([^"]*\)".*|\1=\2|' >answers
awk -F= '{n++; right += $1 == $2} END {printf "\"photos\":%d %.9g\n", n, right / n}' answers
"$lince" evaluate "$lite0" set --json --quiet |
    sed 's/.*\("photos":[0-9]*\),"unreadable":0,"accuracy":\([0-9.]*\),.*/\1 \2/' | awk '{printf "%s %.9g\n", $1, $2}'

# Photos that cannot be read are named and not counted.
head -c 3000 "$photos/flower.jpg" >set/espresso/cut.jpg
t evaluate "$lite0" set --report page.html --quiet >out
sed -n '1,4p; $p' out
grep -c '^<figure>' page.html
grep -o '<td>6, .* read' page.html
grep -o 'data:image/bmp;base64,' page.html | wc -l
rm set/espresso/1.jpg
mkdir bad
cp -r set/espresso bad
t evaluate "$lite0" bad --report bad.html
t evaluate "$lite0" set --report none/page.html
t evaluate "$lite0" set --report set
t evaluate "$lite0" set --report -
ls *.html set/*.html 2>/dev/null

# Folders and labels must agree.
for name in logits top_texts top_numbers all_texts binary_logit binary_flat; do
    ln -s "$here/heads/$name" $name
done
mkdir -p "names/<script>alert(1)" names/dog names/tench
cp "$here/heads/a.png" "names/<script>alert(1)"
cp "$here/heads/b.png" names/dog
t evaluate "$lite0" names
t evaluate logits names --report page.html
grep -c '<script' page.html
printf 'tench\ndog\n<script>alert(1)\n' >three.txt
t evaluate logits names --labels three.txt --quiet
printf 'dog\ntench\ndog\n' >twice.txt
t evaluate logits names --labels twice.txt
t evaluate logits set

# A model that gives texts names its classes so, if it gives all of them; the best few are too few.
mkdir -p own/cat own/newt few/fish
cp "$here/heads/a.png" own/newt
cp "$here/heads/b.png" own/cat
cp "$here/heads/a.png" few/fish
t classify all_texts own --top 1 --quiet
t evaluate all_texts own --quiet
t evaluate all_texts names --quiet
t evaluate top_texts names --quiet
t evaluate top_texts few --quiet | head -2
t evaluate top_numbers names --quiet
t evaluate all_texts bad --quiet

# A single number tells two classes apart.
mkdir -p two/no two/yes
cp "$here/heads/a.png" two/no
cp "$here/heads/b.png" two/yes
t evaluate binary_logit two
t evaluate binary_flat two --quiet
mkdir -p one/only
cp "$here/heads/a.png" one/only
t evaluate binary_logit one

# What is no folder of class folders.
t evaluate "$lite0" "$photos"
t evaluate "$lite0" nowhere
t evaluate "$lite0" three.txt
mkdir -p empty/a
t evaluate "$lite0" empty
t evaluate "$lite0"
t evaluate "$lite0" set --files-from list
