// How a master's keeper gets what it needs: the time, the name space's counts, and its answers.
#include "common/rebalance_protocol.hpp"
#include "common/upkeep.hpp"
#include "master/master_query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

/// The least time between two looks at the counts of the name space.
constexpr auto summary_interval = std::chrono::milliseconds{500};

} // namespace

keeper_host::services master_actor::keeper_services() {
  return {
      [this](const query_message& what, keeper_host::reply done) {
        atl::runtime::ask(this, settings_.replica, replica_timeout,
                          atl::runtime::query_state{encode(what)})
            .then(
                [this, done](const envelope& message) {
                  done(atl::runtime::decode_reply(message.body).value);
                  schedule_keeper();
                },
                [this, done](const caf::error& problem) {
                  done(atl::fail(atl::errc::timeout, "the replica didn't answer: " +
                                                         atl::runtime::describe_failure(problem)));
                  schedule_keeper();
                });
      },
      [this](action what, keeper_host::reply done) {
        keeper_commands_.send(std::move(what),
                              [this, done = std::move(done)](atl::result<std::string> answer) {
                                done(std::move(answer));
                                schedule_keeper();
                              });
      },
      [this](const std::string& node) { hurry(node); }};
}

void master_actor::schedule_keeper() {
  auto now = std::chrono::steady_clock::now();
  auto due = std::max(keeper_.deadline(), now + std::chrono::milliseconds{1});
  if (due >= keeper_due_)
    return;
  keeper_due_ = due;
  run_delayed(due - now, [this] {
    keeper_due_ = steady_time::max();
    keeper_.advance(std::chrono::steady_clock::now());
    schedule_keeper();
  });
}

/// Tells the keeper what has changed in the name space.
void master_actor::look_after_keeper() {
  auto now = std::chrono::steady_clock::now();
  schedule_keeper();
  if (!leads() || is_summary_asked_ || now - summarized_ < summary_interval ||
      view_.applied == applied_at_summary_)
    return;
  is_summary_asked_ = true;
  summarized_ = now;
  collect_summary(std::make_shared<std::vector<responses::storage_node>>(), no_storage);
}

/// The counts come with each page of the storage nodes.
void master_actor::collect_summary(
    const std::shared_ptr<std::vector<responses::storage_node>>& nodes, storage_id after) {
  query(queries::summary{after}, [this, nodes](atl::result<responses::summary> page) {
    if (!page) {
      is_summary_asked_ = false;
      return;
    }
    nodes->insert(nodes->end(), page->storages.begin(), page->storages.end());
    if (page->more && !page->storages.empty())
      return collect_summary(nodes, page->storages.back().id);
    is_summary_asked_ = false;
    applied_at_summary_ = page->applied;
    for (const auto& known : *nodes)
      if (auto* node = registry_.find(known.name); node && node->id == known.id)
        node->state = known.state;
    keeper_.on_summary(*page, *nodes, std::chrono::steady_clock::now());
    schedule_keeper();
    learn_settings(std::make_shared<learnt_settings>(learnt_settings{settings_.policy.upkeep, {}}),
                   {});
  });
}

/// What operators have changed since the cluster's birth stands in the name space.
void master_actor::learn_settings(const std::shared_ptr<learnt_settings>& learnt,
                                  const std::string& after) {
  query(queries::settings{after}, [this, learnt](atl::result<responses::setting_page> page) {
    if (!page)
      return;
    for (const auto& each : page->settings) {
      if (each.value.empty())
        continue;
      auto known = conversion_in(each.key, each.value);
      if (known) {
        known->version = each.version;
        learnt->conversions.push_back(std::move(*known));
      } else if (auto ok = set_upkeep(learnt->upkeep, each.key, each.value); !ok) {
        atl::log::warning("master", "", "a setting of the cluster is left out: {}",
                          ok.error().message);
      }
    }
    if (page->more && !page->settings.empty())
      return learn_settings(learnt, page->settings.back().key);
    auto now = std::chrono::steady_clock::now();
    convert_rate_ = learnt->upkeep.convert_rate;
    conversions_.set_rate(convert_rate_, now);
    on_conversions(std::move(learnt->conversions));
    keeper_.on_settings(learnt->upkeep, now);
    schedule_keeper();
  });
}

atl::runtime::envelope master_actor::check_chunks(const envelope& message) {
  auto request = protocol::decode_chunk_check_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (!leads() || !summary_known_)
    return error_reply({atl::errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  auto now = std::chrono::steady_clock::now();
  if (chunk_check_.is_new(request->run))
    chunk_check_.begin(request->run, keeper_.request_audit(now), keeper_.report());
  schedule_keeper();
  return atl::runtime::make_reply(
      {encode(chunk_check_.state(request->run, keeper_.report(), registry_, now)), {}, false});
}

atl::runtime::envelope master_actor::rebalance(const envelope& message) {
  auto request = protocol::decode_rebalance_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (!leads() || !summary_known_)
    return error_reply({atl::errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  if (request->begins)
    keeper_.request_rebalance(std::chrono::steady_clock::now());
  schedule_keeper();
  return atl::runtime::make_reply({encode(keeper_.plan_rebalance()), {}, false});
}

collection::progress master_actor::keeper_progress() const {
  auto report = keeper_.report();
  collection::progress so_far{report.audit_round, report.fragments_removed, 0};
  for (const auto& node : report.nodes)
    so_far.being_removed += node.removals;
  return so_far;
}

} // namespace dfs
