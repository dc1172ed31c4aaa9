#include "master/master_actor.hpp"

#include "common/clock.hpp"
#include "master/status.hpp"
#include "namespace/question.hpp"
#include "node/messages.hpp"

#include <atoll/core/log.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::ask;
using atl::runtime::envelope;
using atl::runtime::make_reply;
using atl::runtime::tell;
using atl::runtime::tell_later;

constexpr auto look_interval = std::chrono::milliseconds{200};
/// How often there's a look for garbage that is to go at once.
constexpr auto urgent_housekeeping = std::chrono::milliseconds{500};
/// So many signs of life that an upload owes are waited for before its chunks go at once.
constexpr int renewals_awaited = 4;
/// So many times an upload can have shown itself before a new leader believes that it knows all.
constexpr int renewals_to_settle = 2;
constexpr auto refusal_lifetime = std::chrono::seconds{10};
constexpr std::uint32_t purge_limit = 2000;     ///< inodes taken apart with one command
constexpr std::size_t examine_limit = 500;      ///< fragments of a node looked at in one go
constexpr std::size_t remove_limit_max = 10000; ///< removals waiting for one node

envelope answer_with(std::string value) {
  return make_reply({std::move(value), {}, false});
}

} // namespace

master_actor::master_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)},
      registry_{settings_.policy.storage_timeout}, placer_{settings_.balancer, settings_.recovery,
                                                           settings_.seed,
                                                           settings_.policy.placement.name} {
  atl::spi::random_source random{settings_.seed ^ now_us()};
  session_ = {random.next(), random.next()};
  for (auto& peer : settings_.group)
    view_.known.push_back({peer.id, peer.name, peer.where});
}

caf::behavior master_actor::make_behavior() {
  last_housekeeping_ = std::chrono::steady_clock::now();
  tell_later(this, look_interval, tick{});
  return {
      [this](envelope& message) { return take(message); },
      [this](const atl::runtime::turned_away& node) {
        refused_[node.name] = {node.name, {}, node.why, std::chrono::steady_clock::now(), false};
      },
      [this](tick) {
        look_around();
        tell_later(this, look_interval, tick{});
      },
  };
}

// -- what comes from outside ------------------------------------------------------------------

caf::result<envelope> master_actor::take(envelope& message) {
  switch (static_cast<protocol::kind>(message.kind)) {
  case protocol::kind::report:
    return report(message);
  case protocol::kind::allocate:
    return allocate(message);
  case protocol::kind::finish:
    return finish(message);
  case protocol::kind::renew:
    return renew(message);
  case protocol::kind::collect:
    return collect(message);
  case protocol::kind::cluster:
    return cluster();
  case protocol::kind::status:
    return status();
  case protocol::kind::membership:
    return membership(message);
  }
  return unable({errc::invalid, "a kind of message that a master doesn't take"});
}

envelope master_actor::unable(const atl::error& problem, bool elsewhere) const {
  atl::runtime::reply answer{tl::unexpected{problem}, {}, false};
  if (elsewhere)
    for (auto& peer : view_.known)
      if (peer.id == view_.protocol.leader && peer.id != settings_.self.replica)
        answer.hint = atl::to_string(peer.where);
  return make_reply(answer);
}

envelope master_actor::report(const envelope& message) {
  auto report = protocol::decode_storage_report(message.body);
  if (!report)
    return unable(report.error());
  auto now = std::chrono::steady_clock::now();
  auto key = report->name + report->uuid;
  if (auto known = refused_.find(key); known != refused_.end() && known->second.for_good)
    return unable({errc::refused, known->second.why});
  if (!report->group.empty() && report->group != settings_.birth.group) {
    auto why = fmt::format(
        "the data of {} belongs to the group {}, and {} to the group {}: one of the two has a "
        "wrong disk, or one that isn't mounted; if the data on {} isn't wanted any more, start it "
        "once with --new-disk",
        report->name, report->group, settings_.self.name, settings_.birth.group, report->name);
    refused_[key] = {report->name, report->uuid, why, now, false};
    return unable({errc::unavailable, why}); // not refused for good: the wrong disk may be here
  }
  refused_.erase(key);
  auto* before = registry_.find(report->name);
  if (before && before->last.uuid != report->uuid && registry_.alive(*before, now))
    return unable({errc::refused, fmt::format("a node named '{}' with another data folder is up "
                                              "already; give each node a name of its own",
                                              report->name)});
  if (!before && registry_.nodes().size() >= protocol::storages_max)
    return unable({errc::refused, "the cluster has as many storage nodes as it can take"});
  auto& node = registry_.update(*report, now);
  protocol::storage_orders orders;
  orders.group = settings_.birth.group;
  orders.id = node.id;
  orders.want_everything = !node.complete && !node.listing;
  auto& removals = to_remove_[report->name];
  while (!removals.empty() && orders.remove.size() < protocol::changes_max) {
    orders.remove.push_back({removals.front().first, removals.front().second, false});
    removals.pop_front();
  }
  return answer_with(encode(orders));
}

envelope master_actor::allocate(const envelope& message) {
  auto request = protocol::decode_allocate_request(message.body);
  if (!request)
    return unable(request.error());
  if (request->chunk_bytes > settings_.policy.chunk_bytes)
    return unable({errc::invalid, "a chunk above the cluster's chunk size"});
  if (!leads() || !summary_known_)
    return unable({errc::unavailable, settings_.self.name + " doesn't lead the masters"}, true);
  if (!broken_.empty())
    return unable({errc::refused, broken_});
  if (!view_.no_space.empty()) // before the data is sent for nothing
    return answer_with(
        encode(protocol::allocate_answer{{}, atl::error{errc::no_space, view_.no_space}}));
  try {
    auto placed = placer_.place(*request, registry_, now_us(),
                                std::max(summary_.horizon_us, proposed_horizon_us_),
                                std::chrono::steady_clock::now());
    if (placed)
      return answer_with(encode(*placed));
    // Nodes that are down may be back at once; disks that are full and weights of 0 stay.
    auto code = placed.error().code;
    if (code == errc::unavailable)
      return unable({errc::refused, placed.error().message});
    if (code == errc::busy)
      return unable(placed.error());
    return answer_with(encode(protocol::allocate_answer{{}, placed.error()}));
  } catch (const std::exception& thrown) {
    broken_ =
        fmt::format("the balancer '{}' or the scheme '{}' threw, so {} places no more chunks: "
                    "{}",
                    settings_.policy.placement.name, settings_.policy.recovery.name,
                    settings_.self.name, thrown.what());
    atl::log::error("master", "", "{}", broken_);
    return unable({errc::refused, broken_});
  }
}

envelope master_actor::finish(const envelope& message) {
  auto request = protocol::decode_finish_request(message.body);
  if (!request)
    return unable(request.error());
  placer_.finish(request->upload);
  return answer_with({});
}

envelope master_actor::renew(const envelope& message) {
  auto request = protocol::decode_renew_request(message.body);
  if (!request)
    return unable(request.error());
  if (!leads() || !summary_known_)
    return unable({errc::unavailable, settings_.self.name + " doesn't lead the masters"}, true);
  placer_.renew(*request, now_us(), std::chrono::steady_clock::now());
  return answer_with({});
}

envelope master_actor::collect(const envelope& message) {
  auto request = protocol::decode_collect_request(message.body);
  if (!request)
    return unable(request.error());
  if (!leads() || !summary_known_)
    return unable({errc::unavailable, settings_.self.name + " doesn't lead the masters"}, true);
  auto now = std::chrono::steady_clock::now();
  if (!collection_.request(request->run, now_us(), registry_))
    return unable({errc::busy, "too many collections are asked for; try again"});
  auto state = collection_.state(registry_);
  state.uploads = placer_.uploads_under_way();
  auto left = settling_time(true) - (now - leads_since_);
  if (collection_.waits_for_horizon() && left.count() > 0)
    state.wait_ms = static_cast<std::uint64_t>(left / std::chrono::milliseconds{1});
  return answer_with(encode(state));
}

envelope master_actor::cluster() const {
  auto& policy = settings_.policy;
  protocol::cluster_info info;
  info.cluster = settings_.self.cluster;
  info.chunk_bytes = policy.chunk_bytes;
  // Small files are as safe in the name space as in chunks only where it has as many copies.
  auto copies = view_known_ ? view_.voters.size() : settings_.group.size();
  if (copies >= placer_.layout().total)
    info.inline_bytes = policy.inline_bytes;
  info.grace_us = static_cast<std::uint64_t>(policy.grace.count());
  info.durability = policy.durability;
  info.recovery = policy.recovery;
  info.reads = policy.reads;
  auto now = std::chrono::steady_clock::now();
  for (auto& [name, node] : registry_.nodes())
    if (node.id != no_storage)
      info.storages.push_back({{node.id, name, node.last.bulk},
                               node.last.zone,
                               node.last.weight,
                               node.last.free_bytes,
                               registry_.alive(node, now)});
  return answer_with(encode(info));
}

/// A master with an empty data folder asks whether it belongs to the group.
caf::result<envelope> master_actor::membership(const envelope& message) {
  auto asking = atl::decode_membership_query(message.body);
  if (!asking)
    return unable(asking.error());
  atl::membership_answer answer;
  answer.peer.self = {settings_.self.replica, settings_.self.name, settings_.self.address,
                      settings_.self.folder};
  answer.peer.cluster = settings_.self.cluster;
  answer.peer.consensus = settings_.self.consensus;
  answer.birth = settings_.birth;
  // The founders ask before the group can answer anything.
  for (auto& founder : settings_.birth.founders)
    if (founder.folder == asking->self.folder)
      answer.admitted_as = founder.id;
  if (answer.admitted_as != 0)
    return answer_with(atl::encode(answer));
  auto promise = make_response_promise<envelope>();
  query(
      questions::members{},
      [this, promise, answer,
       folder = asking->self.folder](atl::result<answers::members> members) mutable {
        // Without a quorum it can't be told who was let in; that the group exists can.
        atl::runtime::member_folders known;
        if (members)
          for (auto& master : members->masters) {
            known.folder_of[master.id] = master.folder;
            if (master.folder == folder)
              answer.admitted_as = master.id;
          }
        if (members)
          tell(this, settings_.gate, std::move(known));
        promise.deliver(answer_with(atl::encode(answer)));
      },
      settings_.policy.storage_timeout / 2);
  return promise;
}

caf::result<envelope> master_actor::status() {
  auto answer = make_response_promise<envelope>();
  // As it is now, not as it was when the master last looked: an operator acts upon it.
  look_at_replica([this, answer] {
    // It is wanted most when something is wrong, reads wait, and the names can't be counted.
    query(
        questions::summary{},
        [this, answer](atl::result<answers::summary> summary) mutable {
          answer.deliver(answer_with(describe_status({settings_.self,
                                                      settings_.policy,
                                                      registry_,
                                                      view_,
                                                      summary,
                                                      broken_,
                                                      refused_,
                                                      {}})));
        },
        settings_.policy.storage_timeout / 2);
  });
  return answer;
}

// -- what it does by itself -------------------------------------------------------------------

bool master_actor::leads() const {
  return view_known_ && view_.protocol.leader == settings_.self.replica;
}

void master_actor::look_at_replica(std::function<void()> then) {
  ask(this, settings_.replica, replica_timeout, atl::runtime::get_replica_view{})
      .then(
          [this, then](atl::runtime::replica_view& view) {
            view_ = std::move(view);
            view_known_ = true;
            // In another term another master may have led meanwhile.
            if (leads() && (!was_leader_ || leads_in_term_ != view_.protocol.term))
              leads_since_ = std::chrono::steady_clock::now();
            was_leader_ = leads();
            leads_in_term_ = view_.protocol.term;
            if (!was_leader_)
              collection_.abandon();
            then();
          },
          [then](const caf::error&) { then(); });
}

void master_actor::look_around() {
  look_at_replica([] {});
  forget_old_refusals();
  auto unknown =
      !refused_.empty() || std::any_of(registry_.nodes().begin(), registry_.nodes().end(),
                                       [](auto& entry) { return entry.second.id == no_storage; });
  if (view_known_ && (unknown || !summary_known_))
    query(questions::summary{}, [this](atl::result<answers::summary> summary) {
      if (summary)
        learn_ids(*summary);
    });
  if (leads() && summary_known_)
    housekeep();
}

/// What is wrong with a node that no longer comes is no longer shown.
void master_actor::forget_old_refusals() {
  auto now = std::chrono::steady_clock::now();
  std::erase_if(refused_, [&](auto& entry) {
    return !entry.second.for_good && now - entry.second.seen > refusal_lifetime;
  });
}

void master_actor::learn_ids(const answers::summary& summary) {
  summary_ = summary;
  summary_known_ = true;
  for (auto& known : summary.storages) {
    refused_.erase(known.name + known.uuid); // an operator let it in meanwhile
    auto* node = registry_.find(known.name);
    if (!node || node->id != no_storage)
      continue;
    if (node->last.uuid == known.uuid)
      node->id = known.id;
  }
  if (summary.more)
    query(questions::summary{summary.storages.back().id},
          [this](atl::result<answers::summary> next) {
            if (next)
              learn_ids(*next);
          });
  else if (leads())
    register_unknown();
}

void master_actor::register_unknown() {
  for (auto& [name, node] : registry_.nodes()) {
    auto refused = refused_.find(name + node.last.uuid);
    if (node.id != no_storage || (refused != refused_.end() && refused->second.for_good))
      continue;
    auto uuid = node.last.uuid;
    submit(commands::register_storage{name, uuid}, [this, name = name, uuid](std::string bytes) {
      auto answer = decode_answer<answers::registered>(bytes);
      auto* node = registry_.find(name);
      if (answer && node && node->last.uuid == uuid) {
        node->id = answer->id;
        atl::log::info("master", name, "joined as storage node {}", answer->id);
      } else if (!answer && answer.error().code == errc::refused &&
                 !is_session_expired(answer.error())) {
        refused_[name + uuid] = {name, uuid, answer.error().message,
                                 std::chrono::steady_clock::now(), true};
        atl::log::warning("master", name, "turned away: {}", answer.error().message);
      }
    });
    return; // one command at a time
  }
}

void master_actor::housekeep() {
  auto now = std::chrono::steady_clock::now();
  auto& policy = settings_.policy;
  advance_collection(now);
  auto at_once = collects_at_once(now);
  auto interval =
      at_once ? std::min(policy.housekeeping, urgent_housekeeping) : policy.housekeeping;
  if (now - last_housekeeping_ < interval || submitting_)
    return;
  last_housekeeping_ = now;
  collect_garbage();
  auto horizon = wanted_horizon(now, at_once);
  auto settled = now - leads_since_ > settling_time(at_once);
  // A request that comes later has to see another round: 0 is none.
  auto target = settled && collection_.waits_for_horizon() ? collection_.target_us() : 0;
  query(questions::summary{}, [this, horizon, target](atl::result<answers::summary> summary) {
    if (!summary)
      return;
    auto moved = summary->applied != applied_at_housekeeping_ || summary->pending_removals > 0;
    auto has_old =
        std::any_of(registry_.nodes().begin(), registry_.nodes().end(), [&](auto& entry) {
          auto first = entry.second.has.lower_bound({chunk_id{summary->horizon_us, 0}, 0});
          return first != entry.second.has.end() && first->first.made_us < horizon;
        });
    if (!moved && !has_old) {
      collection_.on_horizon_reached(target, registry_, std::chrono::steady_clock::now());
      return; // an idle cluster's log doesn't grow
    }
    // The state takes no horizon beyond its own time, which this command moves on.
    auto reachable = std::max(std::min(horizon, summary->latest_us), summary->horizon_us);
    proposed_horizon_us_ = std::max(proposed_horizon_us_, reachable);
    commands::housekeep work{reachable, purge_limit,
                             static_cast<std::uint64_t>(settings_.policy.session_expiry.count())};
    submit(work, [this, target, horizon](std::string bytes) {
      auto done = decode_answer<answers::housekept>(bytes);
      if (!done)
        return;
      summary_.horizon_us = done->horizon_us;
      if (done->pending_removals > 0)
        last_housekeeping_ = {}; // there is more of it: go on at once
      else if (done->horizon_us >= std::min(horizon, target))
        collection_.on_horizon_reached(target, registry_, std::chrono::steady_clock::now());
      query(questions::summary{}, [this](atl::result<answers::summary> after) {
        if (after)
          applied_at_housekeeping_ = after->applied; // its own command is no news
      });
    });
  });
}

bool master_actor::collects_at_once(steady_time now) const {
  return collection_.is_active() ||
         placer_.lacks_space(registry_, settings_.policy.chunk_bytes, now);
}

std::chrono::microseconds master_actor::settling_time(bool at_once) const {
  auto grace = settings_.policy.grace;
  return at_once ? std::min(grace, renewals_to_settle * protocol::renewal_interval(grace)) : grace;
}

/// Uploads that began under the leader before this one are unknown here: until each of them has
/// shown itself, or may be given up, the horizon stays.
std::uint64_t master_actor::wanted_horizon(steady_time now, bool at_once) {
  if (now - leads_since_ <= settling_time(at_once))
    return summary_.horizon_us;
  auto grace = settings_.policy.grace;
  auto silence =
      at_once ? std::min(grace, renewals_awaited * protocol::renewal_interval(grace)) : grace;
  auto horizon = now_us() - (at_once ? 0 : static_cast<std::uint64_t>(grace.count()));
  if (auto oldest = placer_.oldest_upload(now, silence))
    horizon = std::min(horizon, *oldest - 1);
  return horizon;
}

void master_actor::advance_collection(steady_time now) {
  for (auto& [node, fragments] : collection_.advance(registry_, now))
    if (auto& removals = to_remove_[node]; removals.empty())
      removals.assign(fragments.begin(), fragments.end());
}

void master_actor::collect_garbage() {
  for (auto& [name, node] : registry_.nodes())
    examine_next(name);
}

void master_actor::examine_next(const std::string& name) {
  auto* node = registry_.find(name);
  if (!node || !node->complete || node->id == no_storage || examining_.contains(name) ||
      to_remove_[name].size() >= remove_limit_max)
    return;
  auto fragments = registry_.next_to_examine(*node, summary_.horizon_us, examine_limit);
  if (fragments.empty())
    return collection_.on_examined(name, collection_.pass());
  std::optional<std::uint64_t> ends_pass;
  if (fragments.size() < examine_limit)
    ends_pass = collection_.pass();
  examining_.insert(name);
  examine(name, std::move(fragments), ends_pass);
}

/// Where garbage is to go at once, the next fragments aren't left for the next look.
void master_actor::on_examined(const std::string& node, std::optional<std::uint64_t> ends_pass) {
  examining_.erase(node);
  if (ends_pass)
    collection_.on_examined(node, *ends_pass);
  else if (leads() && collects_at_once(std::chrono::steady_clock::now()))
    examine_next(node);
}

void master_actor::examine(const std::string& node,
                           std::vector<storage_registry::fragment> fragments,
                           std::optional<std::uint64_t> ends_pass) {
  questions::known question;
  for (auto& [chunk, index] : fragments)
    question.ids.push_back(chunk);
  query(question, [this, node, ends_pass, fragments = std::move(fragments)](
                      atl::result<answers::known_chunks> known) mutable {
    if (!known || known->examined == 0) {
      examining_.erase(node);
      if (auto* entry = registry_.find(node))
        entry->examined = {}; // none of them may be left out
      return;
    }
    std::vector<storage_registry::fragment> rest;
    if (known->examined < fragments.size()) {
      rest.assign(fragments.begin() + known->examined, fragments.end());
      fragments.resize(known->examined);
    }
    drop_unknown(node, fragments, known->chunks);
    if (!rest.empty())
      examine(node, std::move(rest), ends_pass);
    else
      on_examined(node, ends_pass);
  });
}

void master_actor::drop_unknown(const std::string& node,
                                const std::vector<storage_registry::fragment>& fragments,
                                const std::vector<chunk_record>& known) {
  auto* entry = registry_.find(node);
  if (!entry)
    return;
  auto wanted = [&](const storage_registry::fragment& fragment) {
    return std::any_of(known.begin(), known.end(), [&](auto& record) {
      return record.id == fragment.first && fragment.second < record.nodes.size() &&
             record.nodes[fragment.second] == entry->id;
    });
  };
  auto& removals = to_remove_[node];
  for (auto& fragment : fragments) {
    if (wanted(fragment))
      continue;
    collection_.on_unwanted(node, fragment);
    if (std::find(removals.begin(), removals.end(), fragment) == removals.end())
      removals.push_back(fragment);
  }
  if (!removals.empty())
    atl::log::info("master", node, "{} fragments that nothing refers to are to be removed",
                   removals.size());
}

// -- the replica ------------------------------------------------------------------------------

void master_actor::submit(action what, std::function<void(std::string)> done) {
  if (submitting_)
    return;
  submitting_ = true;
  command next{session_, ++sequence_, now_us(), std::move(what)};
  ask(this, settings_.replica, replica_timeout, atl::runtime::submit_command{encode(next)})
      .then(
          [this, done = std::move(done)](const envelope& message) {
            submitting_ = false;
            auto answer = atl::runtime::decode_reply(message.body);
            if (!answer.value)
              return;
            // A master that was idle for long has lost its session like any other client.
            auto changed = decode_answer<answers::changed>(*answer.value);
            if (!changed && is_session_expired(changed.error())) {
              session_.low += 1;
              sequence_ = 0;
              return;
            }
            done(std::move(*answer.value));
          },
          [this](const caf::error&) { submitting_ = false; });
}

template <class Question>
void master_actor::query(const Question& what,
                         std::function<void(atl::result<typename Question::answer>)> done,
                         std::chrono::milliseconds timeout) {
  using answer_type = typename Question::answer;
  ask(this, settings_.replica, timeout, atl::runtime::ask_state{encode(question{what})})
      .then(
          [done](const envelope& message) {
            auto answer = atl::runtime::decode_reply(message.body);
            if (answer.value)
              done(decode_answer<answer_type>(*answer.value));
            else
              done(tl::unexpected{answer.value.error()});
          },
          [done](const caf::error& problem) {
            done(atl::fail(errc::timeout, "the replica didn't answer: " +
                                              atl::runtime::describe_failure(problem)));
          });
}

} // namespace dfs
