# Prints the tests that changed files affect, a line each:
#
#   run NAME OUTPUT...   its outputs of the build that are affected have to be built, then `ctest` can run the test
#   skip NAME            the test starts clusters, or is given the whole build folder: too long before each commit
#
#   awk -v root=ROOT -v build=BUILD -f affected.awk kind=changed FILES kind=deps DEPS \
#     kind=edges BUILD/build.ninja kind=tests CTestTestfile.cmake...
#
# ROOT, BUILD: absolute paths; FILES: paths from the root, a line each; DEPS: what `ninja -t deps` prints.
# Follows the edges of the build from each changed file to all that is made of the file or needs the file, order-only
# edges included (a test that loads a plugin has one). Headers are known from DEPS once an object was compiled; an
# object that never was is taken to include every header. A changed CMakeLists.txt stands for all sources below its
# folder, for the edges do not tell whom the change concerns; a document concerns the test `docs`.

# The name of a file in the graph: absolute, or relative to the build folder as Ninja has it.
function node(path) {
  if (path !~ /^\//)
    path = build "/" path
  while (sub(/\/[^\/]+\/\.\.\//, "/", path))
    ;
  if (index(path, build "/") == 1)
    path = substr(path, length(build) + 2)
  return path
}

function folder(path) {
  sub(/\/[^\/]*$/, "", path)
  return path
}

function add_user(input, output) {
  users[input, ++user_count[input]] = output
}

function reach(name) {
  if (!(name in is_reached)) {
    is_reached[name] = 1
    queue[++queued] = name
  }
}

kind == "changed" {
  file = root "/" $0
  changed_folders[folder(file)] = 1
  if (file ~ /\.(hpp|h)$/)
    has_changed_header = 1
  if (file ~ /\.md$/)
    has_changed_document = 1
  if (file ~ /\/CMakeLists\.txt$/)
    rebuilt_folders[folder(file)] = 1
  else if (file ~ /\.cmake$/ || file ~ /\/CMakePresets\.json$/)
    rebuilt_folders[root] = 1
  else
    reach(node(file))
  next
}

kind == "deps" && /^ / {
  add_user(node($1), object)
  next
}

kind == "deps" && /: #deps/ {
  object = node(substr($0, 1, index($0, ": #deps") - 1))
  has_deps[object] = 1
  next
}

kind == "edges" && /^build / {
  gsub(/\$ /, "\001")
  gsub(/\$:/, ":")
  colon = index($0, ": ")
  output_count = split(substr($0, 7, colon - 7), outputs, " ")
  input_count = split(substr($0, colon + 2), inputs, " ")
  for (o = 1; o <= output_count; ++o) {
    output = node(restored(outputs[o]))
    is_output[output] = 1
    if (inputs[1] ~ /^CXX_COMPILER__/)
      is_object[output] = 1
    for (i = 2; i <= input_count; ++i)
      if (inputs[i] !~ /^\|/)
        add_user(node(restored(inputs[i])), output)
  }
  next
}

function restored(word) {
  gsub("\001", " ", word)
  return word
}

kind == "tests" && /^add_test\(/ {
  line = $0
  sub(/^add_test\((\[=*\[)?/, "", line)
  name = line
  sub(/(\]=*\])? .*/, "", name)
  tests[++test_count] = name
  command[name] = substr($0, index($0, "\"") + 1)
  next
}

kind == "tests" && /^set_tests_properties\(/ && / LABELS "[^"]*cluster/ {
  is_cluster[tests[test_count]] = 1
}

END {
  if (has_changed_header)
    for (object in is_object)
      if (!(object in has_deps))
        reach(object)
  for (input in user_count)
    for (changed in rebuilt_folders)
      if (index(input, changed "/") == 1 && input ~ /\.cpp$/)
        reach(input)
  while (done < queued) {
    name = queue[++done]
    for (i = 1; i <= user_count[name]; ++i)
      reach(users[name, i])
  }
  for (t = 1; t <= test_count; ++t) {
    name = tests[t]
    word_count = split(command[name], words, "\"( \")?")
    built = uses_whole_build = ""
    is_affected = name == "docs" && has_changed_document
    for (w = 1; w <= word_count; ++w) {
      word = node(words[w])
      if (word == build)
        uses_whole_build = 1
      if (word in is_output)
        built = built " " word
      if (word in is_reached || word ~ /^\/.*\.sh$/ && folder(word) in changed_folders)
        is_affected = 1
    }
    if (is_affected)
      print(uses_whole_build || name in is_cluster ? "skip " name : "run " name built)
  }
}
