#pragma once

#include "apps/dfs/bulk/bulk_fixture.hpp"
#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/placement_stock.hpp"
#include "client/suspect_nodes.hpp"
#include "client/transfer_progress.hpp"

#include <atoll/core/crc32c.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dfs::test {

namespace spi = atl::spi;

/// Whole copies, or with `parity` two halves and their exclusive or. Makes no plans.
class test_scheme final : public spi::recovery {
 public:
  explicit test_scheme(bool parity) : parity_{parity} {}

  spi::fragment_layout layout() const override {
    return parity_ ? spi::fragment_layout{3, 2, 2, false} : spi::fragment_layout{3, 1, 2, true};
  }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    if (!parity_)
      return std::vector<std::string_view>(3, chunk);
    auto half = fragment_size(chunk.size(), 0);
    scratch.assign(half, '\0');
    for (std::size_t i = 0; i < chunk.size(); ++i)
      scratch[i % half] = static_cast<char>(scratch[i % half] ^ chunk[i]);
    return {chunk.substr(0, half), chunk.substr(half), scratch};
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    auto is_usable = [&](std::uint32_t i) {
      return fragments[i] && fragments[i]->size() == fragment_size(size, i);
    };
    if (!parity_) {
      for (std::uint32_t i = 0; i < 3; ++i)
        if (is_usable(i))
          return fragments[i];
      return std::nullopt;
    }
    if (is_usable(0) + is_usable(1) + is_usable(2) < 2)
      return std::nullopt;
    auto half = fragment_size(size, 0);
    scratch.assign(2 * half, '\0');
    for (std::uint32_t i = 0; i < 2; ++i)
      if (is_usable(i))
        std::copy(fragments[i]->begin(), fragments[i]->end(), scratch.begin() + i * half);
    for (std::uint32_t i = 0; i < 2; ++i)
      if (!is_usable(i))
        for (std::size_t at = 0; at < half; ++at)
          scratch[i * half + at] =
              static_cast<char>((*fragments[2])[at] ^ scratch[(1 - i) * half + at]);
    scratch.resize(size);
    return scratch;
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    if (!parity_)
      return size;
    auto half = (size + 1) / 2;
    return index == 1 ? size - half : half;
  }
  bool enough(const std::vector<bool>& present) const override {
    return std::ranges::count(present, true) >= (parity_ ? 2 : 1);
  }
  /// The ranges of the halves, if both can be read.
  std::optional<std::vector<spi::fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const spi::source> sources) const override {
    auto half = fragment_size(size, 0);
    std::vector<spi::fragment_range> reads;
    for (std::uint32_t i = 0; i < 2 && parity_; ++i) {
      auto begin = std::max(offset, i * half), end = std::min(offset + length, (i + 1) * half);
      if (begin >= end)
        continue;
      if (std::ranges::find(sources, i, &spi::source::fragment) == sources.end())
        return recovery::reads_for(size, offset, length, sources);
      reads.push_back({i, begin - i * half, end - begin});
    }
    return parity_ ? reads : recovery::reads_for(size, offset, length, sources);
  }
  bool assemble(std::size_t size, std::size_t offset, std::span<const spi::piece> pieces,
                std::span<char> out) const override {
    auto half = fragment_size(size, 0);
    std::size_t made = 0;
    for (auto& each : pieces)
      if (auto at = each.from.fragment * half + each.from.offset;
          each.from.fragment < 2 && at >= offset && at + each.bytes.size() <= offset + out.size()) {
        std::ranges::copy(each.bytes, out.begin() + static_cast<std::ptrdiff_t>(at - offset));
        made += each.bytes.size();
      }
    return made == out.size() || recovery::assemble(size, offset, pieces, out);
  }
  spi::verdict judge(const spi::chunk_report&) const override { return {}; }
  std::vector<spi::repair_step> plan(std::span<const spi::chunk_report>) const override {
    return {};
  }

 private:
  bool parity_;
};

/// Picks the first member that it may.
struct first_member : spi::balancer {
  void update(std::span<const spi::member>) override {}
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    for (spi::slot who = 0; who < facts.available.size(); ++who)
      if (facts.available[who] != 0 && std::ranges::count(request.tried, who) == 0)
        return who;
    return spi::no_slot;
  }
};

/// The data path of a client, with storage nodes on real sockets and masters that answer at once.
/// Storage node `i` has the id i + 1.
struct data_path {
  bulk_cluster nodes;
  cluster_settings settings;
  protocol::cluster_info settings_now;       ///< what the masters say
  std::vector<protocol::storage_view> views; ///< what the masters say
  std::vector<chunk_record> records;         ///< what the masters answer for these chunks
  std::vector<std::uint32_t> allocated;      ///< chunks of each request for places
  int infos = 0;                             ///< answers to requests for settings
  std::optional<atl::error> load_problem;    ///< of plugins
  std::mutex mutex;                          ///< guards what the masters say
  policy test_policy;
  scheme by; ///< of all chunks
  std::optional<cluster_view> view;
  connection_pool connections;
  transfer_progress progress;
  suspect_nodes suspects;

  explicit data_path(bool parity = false, int count = 3, bulk_options options = caller_options())
      : nodes{count}, connections{std::move(options)} {
    settings.busy_timeout = std::chrono::seconds{5};
    settings.transfers.first_timeout = settings.transfers.hedge_after = std::chrono::seconds{30};
    for (int i = 0; i < count; ++i) {
      protocol::storage_view node;
      node.target = {static_cast<storage_id>(i + 1), nodes[i].name, nodes[i].endpoint()};
      node.healthy = true;
      views.push_back(node);
    }
    test_policy.recovery = "test";
    test_policy.fragments = 3;
    test_policy.fragments_min = 2;
    test_policy.chunk_bytes = 1 << 20;
    by = scheme{1, test_policy, std::make_shared<test_scheme>(parity)};
    settings_now.reads.name = "first";
    auto load = [this](protocol::cluster_info info) -> atl::result<cluster_view::plugins_pointer> {
      if (load_problem)
        return tl::unexpected{*load_problem};
      return std::make_shared<const cluster_plugins>(std::move(info), [] {
        return std::shared_ptr<spi::balancer>{std::make_shared<first_member>()};
      });
    };
    auto find_scheme = [this](policy_id, const policy&) {
      return atl::result<std::shared_ptr<const scheme>>{std::make_shared<const scheme>(by)};
    };
    view.emplace(settings, make_masters(), load, find_scheme, *load(settings_now),
                 node_directory{{}, views});
  }

  /// Nodes that say nothing are given up as by default. Otherwise they are waited for, because a
  /// busy machine holds any node up for a moment.
  void give_up_silent_nodes() {
    settings.transfers.first_timeout = spi::transfer_policy{}.first_timeout;
    settings.transfers.hedge_after = spi::transfer_policy{}.hedge_after;
  }

  master_calls make_masters() {
    return {[this] { return answer_info(); },
            [this](master_calls::info_completion done) { done(answer_info()); },
            [this](auto& request) { return answer_places(request); },
            [this](auto& chunk) { return answer_chunk(chunk); },
            [this](policy_id) {
              return atl::result<responses::policy_page>{
                  responses::policy_page{{{by.id, by.policy}}, false}};
            },
            [this](const place&) {
              return atl::result<responses::effective_policy>{
                  responses::effective_policy{by.id, by.policy, root_inode, root_inode}};
            }};
  }
  atl::result<protocol::cluster_info> answer_info() {
    std::lock_guard lock{mutex};
    ++infos;
    auto info = settings_now;
    info.storages = views;
    return info;
  }
  atl::result<protocol::allocate_response>
  answer_places(const protocol::allocate_request& request) {
    std::lock_guard lock{mutex};
    allocated.push_back(request.chunks);
    auto avoid = request.avoid;
    auto is_avoided = [&](auto& node) { return std::ranges::count(avoid, node.target.id) > 0; };
    while (!avoid.empty() && std::ranges::count_if(views, is_avoided) + 2 > std::ssize(views))
      avoid.pop_back();
    protocol::allocate_response answer;
    for (std::uint32_t i = 0; i < request.chunks; ++i) {
      auto& placed = answer.placements.emplace_back();
      placed.chunk = key_of(++last_chunk_).chunk;
      for (auto& node : views)
        if (!is_avoided(node) && placed.targets.size() < 3)
          placed.targets.push_back(node.target);
      if (placed.targets.size() < 2)
        return atl::fail(atl::errc::unavailable, "too few storage nodes");
    }
    return answer;
  }
  atl::result<std::optional<chunk_record>> answer_chunk(const chunk_id& chunk) {
    std::lock_guard lock{mutex};
    for (auto& record : records)
      if (record.id == chunk)
        return std::optional{record};
    return std::optional<chunk_record>{};
  }

  placement_stock begin_upload() {
    return {1, by.id, view->masters().allocate, [](auto&) {}, suspects};
  }
  /// Puts the fragments of a chunk on nodes 1, 2 and 3, without the client.
  chunk_record put_chunk(std::uint64_t number, std::string_view data) {
    std::string scratch;
    auto fragments = by.recovery->encode(data, scratch);
    chunk_record record{key_of(number).chunk, data.size(), {1, 2, 3}, atl::crc32c(data), by.id};
    for (std::uint32_t i = 0; i < 3; ++i)
      REQUIRE(put(*nodes[i].at.store, key_of(number, i), fragments[i]));
    records.push_back(record);
    return record;
  }
  /// From now on the masters say that the node is elsewhere.
  void replace_node(std::size_t which, const atl::endpoint& by) {
    {
      std::lock_guard lock{mutex};
      views[which].target.bulk = by;
    }
    REQUIRE(view->refresh());
  }
  /// Connections that clients and nodes made to the node.
  std::uint64_t connects_to(std::size_t which) {
    return nodes[which].server->stats().handshakes.admitted;
  }

 private:
  std::uint64_t last_chunk_ = 0;
};

} // namespace dfs::test
