#include "bulk/connection.hpp"

#include <atoll/net/run_here.hpp>

#include <utility>

namespace dfs {

namespace {

/// Makes a request over the connection, and waits for its outcome.
template <class Start>
auto run(async_bulk_connection& over, Start start) {
  auto context = atl::net::context_of_this_thread();
  over.move_to(context);
  return atl::net::run_here(*context, start());
}

} // namespace

bulk_connection::bulk_connection(atl::endpoint node, bulk_options options)
    : over_{atl::net::context_of_this_thread(), std::move(node), std::move(options)} {}

atl::result<std::size_t> bulk_connection::read_fragment(const fragment_key& key,
                                                        std::uint64_t offset,
                                                        std::span<std::byte> into) {
  return run(over_, [&] { return over_.read_fragment(key, offset, into); });
}

atl::result<std::uint64_t> bulk_connection::read_whole_fragment(const fragment_key& key,
                                                                std::span<std::byte> into) {
  return run(over_, [&] { return over_.read_whole_fragment(key, into); });
}

atl::result<std::vector<target_result>>
bulk_connection::write_chunk(std::span<const write_target> targets, const chunk_id& chunk,
                             std::string_view data, durability how, bool await_go) {
  return run(over_, [&] { return over_.write_chunk(targets, chunk, data, how, await_go); });
}

atl::result<bool> bulk_connection::report_damage(const fragment_key& key) {
  return run(over_, [&] { return over_.report_damage(key); });
}

atl::result<fragment_condition>
bulk_connection::check_fragment(const fragment_key& key, std::optional<std::uint32_t> content_crc) {
  return run(over_, [&] { return over_.check_fragment(key, content_crc); });
}

atl::status bulk_connection::copy_fragment(const fragment_key& key, const atl::endpoint& source,
                                           std::uint32_t source_fragment) {
  return run(over_, [&] { return over_.copy_fragment(key, source, source_fragment); });
}

atl::result<node_load> bulk_connection::probe() {
  return run(over_, [&] { return over_.probe(); });
}

atl::result<std::vector<target_result>> write_chunk(std::span<const write_target> targets,
                                                    const chunk_id& chunk, std::string_view data,
                                                    durability how, const bulk_options& options,
                                                    bool await_go) {
  if (targets.empty())
    return atl::fail(atl::errc::invalid, "cannot write a chunk to no node");
  bulk_connection over{targets.front().at, options};
  return over.write_chunk(targets, chunk, data, how, await_go);
}

} // namespace dfs
