#include "layers.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>

namespace {

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (auto& line : lines)
    text += line + "\n";
  return text;
}

/// The violation that is reported for one file in an otherwise valid tree.
std::string verdict(std::string_view file, std::string_view text) {
  temporary_folder tree;
  tree.write("framework/include/atoll/core/error.hpp", "#pragma once\n");
  tree.write("framework/src/core/inner.hpp", "#pragma once\n");
  tree.write("plugins/balancers/common/shared.hpp", "#pragma once\n");
  tree.write("plugins/balancers/other/other.hpp", "#pragma once\n");
  tree.write("apps/dfs/storage/disk.hpp", "#pragma once\n");
  tree.write(file, text);
  return joined(layer_violations(tree.path()));
}

} // namespace

TEST_CASE("every include of this tree keeps to its layer") {
  CHECK(layered_files(ATOLL_SOURCE_DIR) > 30);
  CHECK(joined(layer_violations(ATOLL_SOURCE_DIR)) == "");
}

TEST_CASE("includes that respect the layers are accepted") {
  CHECK(
      verdict("framework/include/atoll/spi/a.hpp", "#include <vector>\n#include <atoll/spi/b.hpp>")
          .empty());
  CHECK(verdict("framework/src/core/a.cpp", "#include \"inner.hpp\"\n#include "
                                            "<atoll/core/error.hpp>\n#include <fmt/format.h>")
            .empty());
  CHECK(verdict("framework/src/sim/a.cpp", "#include <atoll/core/error.hpp>").empty());
  CHECK(verdict("framework/src/runtime/a.cpp", "#include <caf/all.hpp>").empty());
  CHECK(verdict("plugins/balancers/mine/a.cpp", "#include \"../common/shared.hpp\"\n#include "
                                                "<atoll/spi/balancer.hpp>\n"
                                                "#include <bit>")
            .empty());
  CHECK(verdict("plugins/recovery/rs/a.cpp", "#include <isa-l/erasure_code.h>").empty());
  CHECK(verdict("apps/dfs/bulk/a.cpp", "#include \"storage/disk.hpp\"\n#include <caf/all.hpp>\n"
                                       "#include <atoll/runtime/node.hpp>")
            .empty());
  CHECK(verdict("framework/src/sim/a.cpp", "// #include <caf/all.hpp>\n").empty());
}

TEST_CASE("every kind of violation of the layers is found with its line") {
  CHECK(verdict("framework/include/atoll/spi/a.hpp", "\n#include <atoll/core/error.hpp>") ==
        "framework/include/atoll/spi/a.hpp:2: atoll/core/error.hpp: spi may "
        "not include from core\n");
  CHECK(verdict("framework/include/atoll/spi/a.hpp", "#include <fmt/format.h>") ==
        "framework/include/atoll/spi/a.hpp:1: fmt/format.h: spi may not use this "
        "library\n");
  CHECK(verdict("framework/src/core/a.cpp", "#include <atoll/sim/scripted_simulation.hpp>") ==
        "framework/src/core/a.cpp:1: atoll/sim/scripted_simulation.hpp: core may not include "
        "from sim\n");
  CHECK(verdict("framework/src/core/a.cpp", "#  include <caf/all.hpp>") ==
        "framework/src/core/a.cpp:1: caf/all.hpp: core may not use this "
        "library\n");
  CHECK(verdict("framework/src/sim/a.cpp", "#include <atoll/runtime/node.hpp>") ==
        "framework/src/sim/a.cpp:1: atoll/runtime/node.hpp: sim may not include "
        "from runtime\n");
  CHECK(verdict("framework/src/sim/a.cpp", "#include \"../core/inner.hpp\"") ==
        "framework/src/sim/a.cpp:1: ../core/inner.hpp: sim includes other "
        "layers in <brackets>\n");
  CHECK(verdict("framework/src/sim/a.cpp", "#include \"storage/disk.hpp\"") ==
        "framework/src/sim/a.cpp:1: storage/disk.hpp: no such file stands "
        "there\n");
  CHECK(verdict("framework/tools/atoll/a.cpp", "#include <caf/all.hpp>") ==
        "framework/tools/atoll/a.cpp:1: caf/all.hpp: tools may not use this "
        "library\n");
  CHECK(verdict("plugins/balancers/mine/a.cpp", "#include <atoll/core/error.hpp>") ==
        "plugins/balancers/mine/a.cpp:1: atoll/core/error.hpp: plugins may not "
        "include from core\n");
  CHECK(verdict("plugins/balancers/mine/a.cpp", "#include <caf/all.hpp>") ==
        "plugins/balancers/mine/a.cpp:1: caf/all.hpp: plugins may not use this "
        "library\n");
  CHECK(verdict("plugins/balancers/mine/a.cpp", "#include <unistd.h>") ==
        "plugins/balancers/mine/a.cpp:1: unistd.h: plugins may not use this "
        "library\n");
  CHECK(verdict("plugins/balancers/mine/a.cpp", "#include \"../other/other.hpp\"") ==
        "plugins/balancers/mine/a.cpp:1: ../other/other.hpp: a plugin may not "
        "include from "
        "another's folder\n");
  CHECK(verdict("framework/src/runtime/a.cpp", "#include <atoll/sim/scripted_simulation.hpp>") ==
        "framework/src/runtime/a.cpp:1: atoll/sim/scripted_simulation.hpp: runtime may not "
        "include from sim\n");
  CHECK(verdict("apps/dfs/master/a.cpp", "#include <atoll/verify/verify.hpp>") ==
        "apps/dfs/master/a.cpp:1: atoll/verify/verify.hpp: apps may not include "
        "from verify\n");
  CHECK(verdict("apps/dfs/master/a.cpp", "#include \"storage/disk.hpp\"") ==
        "apps/dfs/master/a.cpp:1: storage/disk.hpp: master may not include "
        "from storage\n");
  CHECK(verdict("apps/dfs/attic/a.cpp", "#include \"storage/disk.hpp\"") ==
        "apps/dfs/attic/a.cpp:1: storage/disk.hpp: the folder attic has no "
        "rule in "
        "tests/tidy/layers.cpp\n");
  CHECK(verdict("framework/src/elsewhere/a.cpp", "") ==
        "framework/src/elsewhere/a.cpp:1: stands in no layer\n");
}
