// How a leading master has files stored by other policies.
#include "common/clock.hpp"
#include "common/conversion_protocol.hpp"
#include "master/master_query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::envelope;
using atl::runtime::make_reply;

/// Of the storage nodes' free space, for what was replaced and is not collected yet.
constexpr std::uint64_t uncollected_part = 20;
constexpr std::uint64_t uncollected_min = std::uint64_t{1} << 30;

/// Why a conversion's command has not been carried out.
atl::status outcome_of(const atl::result<std::string>& answer) {
  if (!answer)
    return tl::unexpected{answer.error()};
  auto changed = decode_response<responses::changed>(*answer);
  return changed ? atl::status{} : tl::unexpected{changed.error()};
}

} // namespace

void master_actor::on_conversions(std::vector<conversion> wanted) {
  conversions_wanted_ = std::move(wanted);
  conversions_.set_conversions(conversions_wanted_);
  advance_conversions();
}

/// The plan forgets what other leaders may have changed; what operators want is learnt again.
void master_actor::begin_conversions() {
  conversions_.begin_term(view_.protocol.term);
  conversions_wanted_.clear();
  conversion_run_.reset();
  applied_at_summary_ = 0;
}

/// To be called whenever the plan may have something to do.
void master_actor::advance_conversions() {
  if (!leads())
    return;
  auto now = std::chrono::steady_clock::now();
  while (auto page = conversions_.next_page(now))
    query(page->what, [this, run = page->run](atl::result<responses::unconverted_page> found) {
      conversions_.on_page(run, std::move(found), std::chrono::steady_clock::now());
      advance_conversions();
    });
  for (auto& each : conversions_.take_commits())
    conversion_commands_.send(
        std::move(each.what), [this, id = each.id](const atl::result<std::string>& answer) {
          conversions_.on_committed(id, outcome_of(answer), std::chrono::steady_clock::now());
          advance_conversions();
        });
  for (auto inode : conversions_.take_finished(now))
    finish_conversion(inode);
  collect_after_conversions();
}

/// The setting goes first: a leader that comes later must not begin again. It stays if the
/// conversion was ordered again since: the last look may have come before what was ordered for.
void master_actor::finish_conversion(inode_id inode) {
  auto is_done = [&](const conversion& each) { return each.inode == inode; };
  auto done = std::ranges::find_if(conversions_wanted_, is_done);
  if (done == conversions_wanted_.end())
    return;
  atl::log::info("master", "",
                 "all files below inode {} are stored by the policies of their "
                 "directories",
                 inode);
  auto version = done->version;
  conversions_wanted_.erase(done);
  conversions_.set_conversions(conversions_wanted_);
  conversion_commands_.send(commands::configure{setting_key_of(inode), {}, version},
                            [](const atl::result<std::string>& answer) {
                              // Refused: ordered again or called off since. After another error
                              // the next look at the settings begins it again.
                              auto removed = outcome_of(answer);
                              if (!removed && removed.error().code != errc::refused)
                                atl::log::warning("master", "", "a conversion that is done: {}",
                                                  removed.error().message);
                            });
}

/// What was replaced takes space until it is collected, so no more is replaced until then.
void master_actor::collect_after_conversions() {
  std::uint64_t free = 0;
  for (const auto& [name, node] : registry_.nodes())
    free += node.last.free_bytes;
  conversions_.set_uncollected_max(std::max(uncollected_min, free / uncollected_part));
  if (conversion_run_ && !collection_.is_active()) {
    conversion_run_.reset();
    conversions_.on_collected();
  }
  if (!conversions_.wants_collection() || conversion_run_)
    return;
  auto run = now_us();
  if (collection_.request(run, now_us(), registry_, keeper_progress()))
    conversion_run_ = run;
}

/// From a storage node that stores chunks by another policy.
envelope master_actor::convert(const envelope& message) {
  auto request = protocol::decode_conversion_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (!leads() || !summary_known_)
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  auto answer = conversions_.answer(*request, std::chrono::steady_clock::now());
  advance_conversions();
  return make_reply({encode(answer), {}, false});
}

envelope master_actor::list_conversions() {
  if (!leads() || !summary_known_)
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  return make_reply(
      {encode(protocol::conversion_list{conversions_.views(), convert_rate_}), {}, false});
}

} // namespace dfs
