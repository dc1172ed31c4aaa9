#include "plugin_folder.hpp"

#include <doctest/doctest.h>

using namespace loader_test;

TEST_CASE("a plugin for another interface or toolchain is refused, and none of its code runs") {
  CHECK(refusal_when_alone("major") ==
        "balancer plugin 'major' is refused: major.so: is built for balancer interface 99.0, "
        "expected 2.0; build it against this version's headers");
  CHECK(refusal_when_alone("minor") ==
        "balancer plugin 'minor' is refused: minor.so: is built for balancer interface 2.77, "
        "expected 2.0; build it against this version's headers");
  CHECK(refusal_when_alone("abi") ==
        "balancer plugin 'abi' is refused: abi.so: is built for the binary interface "
        "gnu_libcxx_cxx11, expected gnu_libstdcxx_cxx11; build it with a compiler and a standard "
        "library of that kind");
}

TEST_CASE("each kind has an interface version of its own") {
  auto refused = [](std::string_view file) {
    plugin_folder folder{file};
    return folder.loader().list().front().refusal.substr(folder.path().string().size() + 1);
  };
  CHECK(refused("older_consensus") ==
        "older_consensus.so: is built for consensus interface 1.2, expected 2.0 to 2.2; build it "
        "against this version's headers");
  CHECK(refused("newer_recovery") ==
        "newer_recovery.so: is built for recovery interface 4.0, expected 3.0; build it "
        "against this version's headers");
}

TEST_CASE("a plugin loads whatever its headers had as the versions of other kinds") {
  plugin_folder folder{"other_kinds"};
  CHECK(refusal(folder, "other_kinds") == "loaded");
}

TEST_CASE("a plugin with a descriptor of another version is refused, and none of its code runs") {
  CHECK(refusal_when_alone("layout") ==
        "there is no balancer plugin 'layout', for layout.so: is built with plugin descriptor 2, "
        "expected 3; build it against this version's headers");
  CHECK(refusal_when_alone("first_layout") ==
        "there is no balancer plugin 'first_layout', for first_layout.so: is built with plugin "
        "descriptor 1, expected 3; build it against this version's headers");
}

TEST_CASE("a plugin for an older minor version of its interface is loaded") {
  plugin_folder folder{"older"};
  auto older = folder.loader().load("older");
  REQUIRE(older);
  CHECK((*older)->descriptor().interface == atl::spi::interface_version{3, 0});
}
