#!/bin/sh
# Prints every #include that goes the wrong way, and every op named outside ops/ and passes/; fails if there are any.
# Which room may include which stands in src/CMakeLists.txt, in the room() lines, and nowhere else.
#
#   tools/layers.sh [FOLDER]     FOLDER: another tree of the same layout
#
# A room sees <lince.h> and <lince_*.h>, its own files, and the header named after each room it may include. A program
# in app/ sees <lince.h>, its own files and those of app/common. An example and a test of the library sees <lince.h>, a
# test of a program (tests/cli) that too, and the program. What is named after a room, tests/unit/ROOM_*, fuzz/ROOM.c and bench/ROOM.c, sees that
# room's files, and the header of each room that it may include or they may; other fuzz targets see app/common. An op is named where a string is the name of
# a row in ops/table.def; for one that only looks like it, "layers: not an op" in the same line says so. A file of src/model that writes or
# changes graphs as files have them, where ops are names, says "layers: graphs of files" in its first lines.
set -u
cd "${1:-$(dirname "$0")/..}" || exit 1

files=$(find src app include examples tests fuzz bench -type f \( -name '*.c' -o -name '*.h' -o -name '*.def' -o -name '*.inc' \) 2>/dev/null | LC_ALL=C sort)

# shellcheck disable=SC2086
awk '
function exists(path,    line, got) {
    if (!(path in known)) {
        got = (getline line < path)
        close(path)
        known[path] = got >= 0
    }
    return known[path]
}
# a/b/../c -> a/c
function normal(path,    n, part, i, out, k) {
    n = split(path, part, "/")
    k = 0
    for (i = 1; i <= n; i++) {
        if (part[i] == ".." && k > 0) k--
        else if (part[i] != "." && part[i] != "") out_part[++k] = part[i]
    }
    out = out_part[1]
    for (i = 2; i <= k; i++) out = out "/" out_part[i]
    return out
}
# The file of ours an include means: beside the includer, or below one of our folders; "" for the system'"'"'s.
function resolve(from, name, quoted,    folder, head) {
    folder = from
    sub("/[^/]*$", "", folder)
    if (quoted && exists(normal(folder "/" name))) return normal(folder "/" name)
    if (exists(normal("include/" name))) return normal("include/" name)
    if (exists(normal("src/" name))) return normal("src/" name)
    if (exists(normal("app/" name))) return normal("app/" name)
    if (from ~ /^(tests|fuzz)\//) {
        if (exists(normal("tests/" name))) return normal("tests/" name)
        if (exists(normal("tests/api/" name))) return normal("tests/api/" name)
    }
    head = name
    sub("/.*", "", head)
    if (head != name && head in room) return normal("src/" name) # made by the build
    return ""
}
function complain(text) { print FILENAME ":" FNR ": " text; bad++ }

function check_public(target) {
    if (target !~ /^include\/lince(_[a-z0-9_]+)?\.h$/) complain("the public headers may not include " target)
}
function check_app(target,    part) {
    split(FILENAME, part, "/")
    if (target ~ /^include\/lince(_[a-z0-9_]+)?\.h$/) return
    if (index(target, "app/common/") == 1 || index(target, "app/" part[2] "/") == 1) return
    complain("app/" part[2] " may not include " target)
}
# Examples and tests that use the library as programs do.
function check_user(target) {
    if (target ~ /^include\/lince(_[a-z0-9_]+)?\.h$/) return
    if (index(target, "tests/") == 1 && target !~ /^tests\/unit\// && FILENAME ~ /^tests\//) return
    if (index(target, "app/") == 1 && FILENAME ~ /^tests\/cli\//) return
    complain(FILENAME ~ /^tests\// ? "a test of what users see may not include " target : "an example may not include " target)
}
# Whether `to` is among the rooms that `from` may include, or those that they may. No room includes itself, so this ends.
function reaches(from, to,    other) {
    if ((from, to) in may) return 1
    for (other in room) if ((from, other) in may && reaches(other, to)) return 1
    return 0
}
# Tests, fuzz targets and benches of a room.
function check_inside(target,    part, mine, theirs) {
    split(FILENAME, part, "/")
    mine = part[2] == "unit" ? part[3] : part[2]
    sub("[_.].*", "", mine)
    if (!(mine in room) && FILENAME ~ /^fuzz\// && index(target, "app/common/") == 1) return
    if (target ~ /^(tests|fuzz)\// || target ~ /^include\/lince(_[a-z0-9_]+)?\.h$/) return
    split(target, part, "/")
    theirs = part[2]
    if (part[1] == "src" && (theirs == mine || theirs == "base" && target == "src/base/base.h")) return
    if (part[1] != "src" || !reaches(mine, theirs)) complain("what is named after " mine " may not include " target)
    else if (target != "src/" theirs "/" theirs ".h") complain(target " is private to " theirs ", which shows " theirs "/" theirs ".h")
}
function check_room(target,    part, mine, theirs) {
    split(FILENAME, part, "/")
    mine = part[2]
    if (!(mine in room)) { complain("src/" mine " is no room() of src/CMakeLists.txt"); return }
    if (target ~ /^include\/lince(_[a-z0-9_]+)?\.h$/) return
    if (split(target, part, "/") < 3 || part[1] != "src") { complain(mine " may not include " target); return }
    theirs = part[2]
    if (theirs == mine) return
    if (!((mine, theirs) in may)) complain(mine " may not include " theirs " (" target ")")
    else if (target != "src/" theirs "/" theirs ".h") complain(target " is private to " theirs ", which shows " theirs "/" theirs ".h")
}
function check_names(line,    text) {
    if (line ~ /layers: not an op/) return
    while (match(line, /"[A-Z_][A-Za-z0-9]*"/)) {
        text = substr(line, RSTART + 1, RLENGTH - 2)
        line = substr(line, RSTART + RLENGTH)
        if (op[squash(text)]) complain("only ops and passes may name an op: " text)
    }
}
function squash(name) { name = tolower(name); gsub("_", "", name); return name }

FILENAME == "src/CMakeLists.txt" {
    if (match($0, /^room\([a-z ]+\)/)) {
        n = split(substr($0, 6, RLENGTH - 6), word, " ")
        room[word[1]] = 1
        for (i = 2; i <= n; i++) may[word[1], word[i]] = 1
        rooms++
    }
    next
}
FILENAME == "src/ops/table.def" && match($0, /^OP\([a-z0-9_]+\)/) { op[squash(substr($0, 4, RLENGTH - 4))] = 1 }

/^[ \t]*#[ \t]*include[ \t]*["<]/ {
    name = $0
    sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
    quoted = substr(name, 1, 1) == "\""
    name = substr(name, 2)
    sub(/[">].*/, "", name)
    includes++
    target = resolve(FILENAME, name, quoted)
    if (target == "") {
        if (quoted) complain("there is no " name)
        next
    }
    if (FILENAME ~ /^include\//) check_public(target)
    else if (FILENAME ~ /^app\//) check_app(target)
    else if (FILENAME ~ /^src\//) check_room(target)
    else if (FILENAME ~ /^(tests\/unit|fuzz|bench)\//) check_inside(target)
    else check_user(target)
    next
}
/^[ \t]*#[ \t]*include/ { complain("an include that only the compiler can follow"); next }
FNR < 10 && FILENAME ~ /^src\/model\// && /layers: graphs of files/ { writer = FILENAME }
FILENAME ~ /^src\// && FILENAME !~ /^src\/(ops|passes)\// && FILENAME != writer { check_names($0) }

END {
    if (!rooms) { print "layers: no room() lines in src/CMakeLists.txt"; exit 1 }
    if (bad) { print "layers: " bad " wrong"; exit 1 }
    print "layers: " includes " includes, all the right way"
}
' src/CMakeLists.txt $([ -e src/ops/table.def ] && echo src/ops/table.def) $(echo "$files" | grep -vx src/ops/table.def)
