#include "node/service_cache.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace atl::node;

namespace {

const service_description jobs{.name = "jobs", .cache = "jobs.cache"};

atl::config read(const std::string& text) {
  std::vector<atl::key_spec> schema{cache_key(jobs)};
  auto config = atl::config::parse(text, "node.toml", schema);
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  return std::move(*config);
}

} // namespace

TEST_CASE("a service's cache takes a quarter of the memory and at least 64 MiB, unless its size is "
          "configured") {
  CHECK(cache_bytes(read(""), jobs, std::uint64_t{8} << 30) == std::uint64_t{2} << 30);
  CHECK(cache_bytes(read(""), jobs, 100u << 20) == 64u << 20);
  CHECK(cache_bytes(read("[jobs]\ncache = \"9MiB\"\n"), jobs, 100u << 20) == 9u << 20);
}

TEST_CASE("a cache larger than the memory is a mistake, with the place where it is written") {
  auto problem_of = [](const std::string& text) {
    auto config = read(text);
    config_errors problems{config};
    check_cache(config, jobs, 1u << 30, problems);
    auto fine = problems.finish();
    return fine ? std::string{} : fine.error().message;
  };
  CHECK(problem_of("") == "");
  CHECK(problem_of("[jobs]\ncache = \"1GiB\"\n") == "");
  auto problem = problem_of("[jobs]\ncache = \"2GiB\"\n");
  CAPTURE(problem);
  CHECK(problem.starts_with("node.toml:2:"));
  CHECK(problem.find("is 2GiB, and all memory that this machine has") != problem.npos);
}
