# Every option that a command's help tells is in the man page and in the completions, and the other way round.
for command in classify embed evaluate run info variables decode bench explain train retrain resave ops; do
    "$lince" $command --help | grep -o '^ *\(-[a-z], \)\?--[a-z0-9-]*' | grep -o '\--[a-z0-9-]*' | sort -u >"help.$command"
    sed -n "s/^        $command) options=\"\(.*\)\" ;;/\1/p" "$PAGES/lince.bash" | tr ' ' '\n' | grep . | sort -u >"bash.$command"
    diff "help.$command" "bash.$command" && echo "$command: $(wc -l <"help.$command") options"
done
cat help.* | sort -u >help
sed 's/\\-/-/g' "$PAGES/lince.1" | grep '^\\fB-' | grep -o '\--[a-z0-9-]*' | sort -u | diff help - && echo "man page: the same"
grep -n '^ ' "$PAGES/lince.1" # a line that begins with a blank breaks the page
grep -o "'\**--[a-z0-9-]*" "$PAGES/_lince" | grep -o '\--[a-z0-9-]*' | sort -u | diff help - && echo "zsh: the same"
bash -n "$PAGES/lince.bash" && echo "bash reads it"
bash -c '. "$0"; COMP_WORDS=(lince classify --sc); COMP_CWORD=2; _lince; echo "${COMPREPLY[@]}"
    COMP_WORDS=(lince classify --scores s); COMP_CWORD=3; _lince; echo "${COMPREPLY[@]}"
    COMP_WORDS=(lince classify --scores = s); COMP_CWORD=4; _lince; echo "${COMPREPLY[@]}"
    COMP_WORDS=(lince classify --scores =); COMP_CWORD=3; _lince; echo "${COMPREPLY[@]}"
    COMP_WORDS=(lince classify --labels =); COMP_CWORD=3; _lince; echo "files: ${#COMPREPLY[@]}"
    COMP_WORDS=(lince e); COMP_CWORD=1; _lince; echo "${COMPREPLY[@]}"' "$PAGES/lince.bash"

# The page is good roff, and begins as the help does.
if command -v groff >/dev/null; then
    groff -man -Tascii -ww "$PAGES/lince.1" 2>&1 >/dev/null
fi
sed -n '/^.SH SYNOPSIS/,/^.SH DESC/p' "$PAGES/lince.1" | sed 's/\\-/-/g' | grep -v '^.br\|^.SH' | paste -d' ' - - | sed 's/^.B //; s/ \[OPTION\]...//'
"$lince" --help | grep '^  lince'
