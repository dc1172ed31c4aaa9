#include "altered_bytes.hpp"
#include "common/chunk_id.hpp"
#include "common/master_protocol.hpp"

#include <doctest/doctest.h>

/// The messages between storage nodes, clients and masters are decoded as encoded, or refused.
using namespace dfs;
using namespace dfs::protocol;
using dfs::test::check_altered_bytes;

namespace {

storage_heartbeat some_heartbeat() {
  storage_heartbeat it;
  it.name = "storage-1";
  it.uuid = "0123";
  it.bulk = {"127.0.0.1", 7000};
  it.zone = "rack";
  it.weight = 2.5;
  it.free_bytes = 10;
  it.in_flight = 3;
  it.findings = {{{5, 6}, 1}, {{7, 8}, 0}};
  it.incarnation = 9;
  it.disks = {{"/disk1", "", 100, 50, 40, 3, 1, {1, 2, 3, 4, 5, "damage"}},
              {"/disk2", "it is gone", 0, 0, 0, 0, 0, {}}};
  return it;
}

cluster_info some_info() {
  cluster_info it;
  it.cluster = "reef";
  it.grace_us = 7;
  it.losses_survived = 1;
  it.reads = {"random", "1.0.0",
              atl::spi::options{{{"copies", std::int64_t{3}}, {"fast", true}, {"x", 0.5}}}};
  it.storages = {{{1, "storage-1", {"::1", 9}}, "rack", 1.0, 99, 77, true}};
  return it;
}

} // namespace

TEST_CASE("what a storage node says of its disks is decoded as it was encoded") {
  auto decoded = decode_storage_heartbeat(encode(some_heartbeat()));
  REQUIRE(decoded);
  REQUIRE(decoded->disks.size() == 2);
  auto& first = decoded->disks[0];
  CHECK(first.folder == "/disk1");
  CHECK(first.capacity_bytes == 100);
  CHECK(first.free_bytes == 50);
  CHECK(first.used_bytes == 40);
  CHECK(first.chunks == 3);
  CHECK(first.damaged == 1);
  CHECK(first.scrub == scrub_status{1, 2, 3, 4, 5, "damage"});
  CHECK(decoded->disks[1].failed == "it is gone");
  auto report = some_heartbeat();
  report.disks.resize(disks_max + 1);
  CHECK_FALSE(decode_storage_heartbeat(encode(report)));
  report.disks.clear();
  report.failed.assign(100'000, 'x'); // cut off, not refused
  CHECK(decode_storage_heartbeat(encode(report)));
}

TEST_CASE("each message is decoded as it was encoded, and damaged ones are refused") {
  check_altered_bytes(encode(some_heartbeat()), decode_storage_heartbeat);
  check_altered_bytes(encode(storage_commands{"group", 1, 5, 9, {{{1, 2}, 3, 4}}, {}, {}}),
                      decode_storage_commands);
  check_altered_bytes(encode(allocate_request{1, 2, 3, {4, 5}}), decode_allocate_request);
  check_altered_bytes(encode(allocate_response{{{{1, 2}, {{3, "n", {"h", 4}}}}}, {}, 6}),
                      decode_allocate_response);
  check_altered_bytes(
      encode(allocate_response{{}, atl::error{atl::errc::no_space, "all are full"}}),
      decode_allocate_response);
  check_altered_bytes(encode(finish_request{9}), decode_finish_request);
  check_altered_bytes(encode(renew_request{9, 1'700'000'000}), decode_renew_request);
  check_altered_bytes(encode(collect_request{9}), decode_collect_request);
  collect_state collected;
  collected.phase = collect_phase::collecting;
  collected.fragments = 7;
  collected.nodes_down = {"storage-1", "storage-2"};
  check_altered_bytes(encode(collected), decode_collect_state);
  check_altered_bytes(encode(some_info()), decode_cluster_info);
}

TEST_CASE("equal settings have equal versions, and other settings another one") {
  auto info = some_info();
  auto version = settings_version(info);
  info.storages.clear();
  info.version = 5;
  CHECK(settings_version(info) == version);
  SUBCASE("another balancer") {
    info.reads.name = "round_robin";
  }
  SUBCASE("another option of it") {
    info.reads.options = atl::spi::options{{{"copies", std::int64_t{2}}}};
  }
  SUBCASE("another number of losses that the names survive") {
    ++info.losses_survived;
  }
  CHECK(settings_version(info) != version);
}

TEST_CASE("counts beyond the limits are refused before memory is allocated") {
  CHECK_FALSE(decode_allocate_request(encode(allocate_request{1, 0, 3, {}})).has_value());
  CHECK_FALSE(
      decode_allocate_request(encode(allocate_request{1, chunks_per_request_max + 1, 3, {}}))
          .has_value());
  auto report = some_heartbeat();
  report.findings.assign(fragments_max + 1, {});
  CHECK_FALSE(decode_storage_heartbeat(encode(report)).has_value());
}

TEST_CASE("a chunk's name is formatted and parsed as 32 hexadecimal digits") {
  chunk_id id{0x0123456789abcdef, 0xfedcba9876543210};
  CHECK(to_string(id) == "0123456789abcdeffedcba9876543210");
  CHECK(parse_chunk_id(to_string(id)) == id);
  for (std::string bad : {"", "0123", "0123456789abcdeffedcba987654321g",
                          "0123456789ABCDEFFEDCBA9876543210", "0123456789abcdeffedcba98765432100"})
    CHECK_FALSE(parse_chunk_id(bad).has_value());
}
