#include "temporary_folder.hpp"
#include "tree.hpp"
#include "words.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace {

std::string joined(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

const std::filesystem::path root = ATOLL_SOURCE_DIR;

} // namespace

TEST_CASE("every header of this tree is included by some file") {
  CHECK(joined(unused_headers(root)) == "");
}

TEST_CASE("every source of this tree is built") {
  CHECK(joined(unbuilt_sources(root)) == "");
}

TEST_CASE("a file name of this tree stands once, except in folders of one shape") {
  CHECK(joined(repeated_names(root)) == "");
}

TEST_CASE("no line of C++ in this tree is longer than 100 columns") {
  CHECK(joined(long_lines(root)) == "");
}

TEST_CASE("words that standard terms replaced do not come back") {
  CHECK(joined(household_words(root)) == "");
}

TEST_CASE("every member function that is declared in this tree is defined") {
  CHECK(joined(undefined_functions(root)) == "");
}

TEST_CASE("a header that nothing includes is found") {
  temporary_folder tree;
  tree.write("framework/src/core/used.hpp", "#pragma once\n");
  tree.write("framework/src/core/unused.hpp", "#pragma once\n");
  tree.write("apps/dfs/master/a.cpp",
             "#include \"../core/used.hpp\"\n// #include \"unused.hpp\"\n");
  CHECK(joined(unused_headers(tree.path())) ==
        "framework/src/core/unused.hpp: no file includes it");
}

TEST_CASE("a source that nothing builds is found") {
  temporary_folder tree;
  tree.write("apps/dfs/master/CMakeLists.txt", "add_library(a a.cpp)\n");
  tree.write("apps/dfs/master/a.cpp", "");
  tree.write("apps/dfs/master/b.cpp", "");
  tree.write("tests/cluster/CMakeLists.txt", "foreach(part c)\n  test(${part}_test.cpp)\n");
  tree.write("tests/cluster/c_test.cpp", "");
  CHECK(joined(unbuilt_sources(tree.path())) ==
        "apps/dfs/master/b.cpp: no CMakeLists.txt names it");
}

TEST_CASE("a repeated file name is found, but not in folders of one shape") {
  temporary_folder tree;
  tree.write("plugins/consensus/raft/election.cpp", "");
  tree.write("plugins/consensus/paxos/election.cpp", "");
  CHECK(joined(repeated_names(tree.path())) == "");
  tree.write("apps/dfs/bulk/limits.hpp", "");
  tree.write("apps/dfs/storage/limits.hpp", "");
  CHECK(joined(repeated_names(tree.path())) ==
        "apps/dfs/bulk/limits.hpp: 2 folders have a file of this name\n"
        "apps/dfs/storage/limits.hpp: 2 folders have a file of this name");
  tree.write("framework/src/runtime/election.cpp", "");
  CHECK(repeated_names(tree.path()).size() == 5);
}

TEST_CASE("a long line is found, but not one that a string makes long") {
  temporary_folder tree;
  std::string hundred(100, 'a');
  tree.write("apps/dfs/master/a.cpp", hundred + "\n\"" + hundred + "\"\n" + hundred + "b\n");
  tree.write("apps/dfs/master/b.cpp", "auto text = R\"x(\n" + hundred + "b\n)x\";\n");
  CHECK(joined(long_lines(tree.path())) == "apps/dfs/master/a.cpp:3: 101 columns");
}

TEST_CASE("a replaced word is found in code, in comments and as a member, "
          "where it is banned") {
  temporary_folder tree;
  tree.write("framework/src/runtime/a.cpp", "askers\n// the asker\nint asker_;\nint questions;\n");
  tree.write("apps/dfs/client/a.cpp", "int questions;\n");
  CHECK(joined(household_words(tree.path())) ==
        "apps/dfs/client/a.cpp:1: 'questions'; the field says queries\n"
        "framework/src/runtime/a.cpp:2: 'asker'; the field says "
        "requester\n"
        "framework/src/runtime/a.cpp:3: 'asker_'; the field says "
        "requester");
}

TEST_CASE("a declared member function without a definition is found, also an overload, a "
          "constructor and a member of a nested class") {
  temporary_folder tree;
  tree.write("apps/dfs/master/a.hpp", R"x(
namespace dfs {
class [[nodiscard]] a final : public base {
 public:
  explicit a(int size);
  ~a() override;
  int twice(const std::vector<int>& of) const;
  int twice(options of = {}, char separator = '{');
  std::function<void(int)> once() noexcept;

 private:
  struct part {
    int size() const;
    int height();
  };
};
}
)x");
  tree.write("apps/dfs/master/a.cpp", R"x(
namespace dfs {
a::~a() = default;
int a::twice(const std::vector<int>&) const { return helper::once(); }
// int a::twice(options, char) {}
int a::part::height() { return 1; }
}
)x");
  CHECK(joined(undefined_functions(tree.path())) ==
        "apps/dfs/master/a.hpp: a::a is declared 1 times and defined 0 times\n"
        "apps/dfs/master/a.hpp: a::once is declared 1 times and defined 0 times\n"
        "apps/dfs/master/a.hpp: a::twice is declared 2 times and defined 1 times\n"
        "apps/dfs/master/a.hpp: part::size is declared 1 times and defined 0 times");
}

TEST_CASE("declarations that need no definition elsewhere are accepted") {
  temporary_folder tree;
  tree.write("apps/dfs/master/a.hpp", R"x(
#define DECLARE(x) \
  void x();
extern "C" {
void outside();
}
enum class kind : int { one = int('('), other };
template <class T>
struct of_anything {
  T get() const;
};
class a {
 public:
  a() : size_{1}, rows_(2) { reset(); }
  virtual int pure(int) const = 0;
  a(const a&) = delete;
  a& operator=(const a&);
  friend void look(a&);
  template <class T>
  void put(T what);
  int inside() const { return size_; }
  A_MACRO(that, is, known);

  std::function<int(int)> call;
  int (*pointer)(int);
  void (a::*of_member)();
  int computed = twice(1);
  std::vector<int> rows_{1, 2};
  const char* text = R"(void none();)";
  int size_ = 1'000;
};
)x");
  CHECK(joined(undefined_functions(tree.path())) == "");
}
