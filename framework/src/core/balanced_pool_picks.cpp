#include <atoll/core/balanced_pool.hpp>
#include <atoll/core/watched_balancer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

// How a pool picks: whom it shows to its balancer, and what it makes of the answer.
namespace atl {

spi::member_facts balanced_pool::facts(std::span<const std::uint8_t> available) const {
  return {available, domain_, in_flight_, reported_in_flight_, latency_, free_bytes_};
}

bool balanced_pool::prefers_local() const {
  return local_usable_ > 0 && static_cast<double>(local_usable_) >=
                                  options_.local_min * static_cast<double>(local_members_);
}

/// The members that a request may go to. A few exclusions are passed on as they are; many are taken
/// out of the masks, because strategies look through the list of exclusions again and again.
balanced_pool::masks balanced_pool::all_but(id_span excluded) {
  constexpr std::size_t tried_few = 16;
  tried_.clear();
  if (excluded.size() <= tried_few) {
    for (auto id : excluded)
      if (auto who = slot_of(id))
        tried_.push_back(*who);
    return in_order(local_available_, available_, ejected_only_);
  }
  local_mask_ = local_available_;
  mask_ = available_;
  ejected_mask_ = ejected_only_;
  for (auto id : excluded)
    if (auto who = slot_of(id))
      local_mask_[*who] = mask_[*who] = ejected_mask_[*who] = 0;
  return in_order(local_mask_, mask_, ejected_mask_);
}

balanced_pool::masks balanced_pool::only(id_span among) {
  tried_.clear();
  local_mask_.assign(members_.size(), 0);
  mask_.assign(members_.size(), 0);
  ejected_mask_.assign(members_.size(), 0);
  for (auto id : among)
    if (auto who = slot_of(id)) {
      local_mask_[*who] = local_available_[*who];
      mask_[*who] = available_[*who];
      ejected_mask_[*who] = ejected_only_[*who];
    }
  return in_order(local_mask_, mask_, ejected_mask_);
}

/// The members of the owner's domain come first, if they are preferred; the ejected ones last: a
/// request to a member that failed before may succeed, a request to none can't. A member that is
/// only full is worth waiting for.
balanced_pool::masks balanced_pool::in_order(std::span<const std::uint8_t> local,
                                             std::span<const std::uint8_t> all,
                                             std::span<const std::uint8_t> ejected) const {
  constexpr std::span<const std::uint8_t> none;
  return {prefers_local() ? local : none, all,
          full_only_members_ == 0 && outliers_.ejected() > 0 ? ejected : none};
}

result<std::optional<std::uint64_t>> balanced_pool::pick(std::uint64_t key, spi::timestamp now,
                                                         id_span excluded) {
  pass_time(now);
  for (auto shown : all_but(excluded)) {
    if (shown.empty())
      continue;
    auto picked = pick_slot(key, now, shown);
    if (!picked)
      return tl::unexpected{picked.error()};
    if (*picked != spi::no_slot)
      return members_[*picked].id;
  }
  return std::nullopt;
}

/// A pick of a member that starts slowly holds with a probability that grows with time; otherwise
/// another member is picked.
result<spi::slot> balanced_pool::pick_slot(std::uint64_t key, spi::timestamp now,
                                           std::span<const std::uint8_t> shown) {
  constexpr int other_picks_max = 3;
  auto first = spi::no_slot;
  auto tried_before = tried_.size();
  for (int others = 0;; ++others) {
    auto picked = spi::no_slot;
    spi::pick_request request{key, now, tried_};
    if (auto called = guard([&] { picked = balancer_->pick(request, facts(shown)); }); !called)
      return tl::unexpected{called.error()};
    if (picked != spi::no_slot)
      if (auto valid = check_pick(picked, shown); !valid)
        return tl::unexpected{valid.error()};
    if (first == spi::no_slot)
      first = picked;
    if (picked == spi::no_slot || others == other_picks_max || is_ready(picked, now)) {
      tried_.resize(tried_before);
      return picked == spi::no_slot ? first : picked;
    }
    tried_.push_back(picked);
  }
}

result<std::vector<std::uint64_t>> balanced_pool::pick_many(std::uint64_t key, std::size_t count,
                                                            spi::timestamp now, id_span excluded) {
  pass_time(now);
  return pick_of(all_but(excluded), key, count, now);
}

result<std::vector<std::uint64_t>> balanced_pool::order(std::uint64_t key, id_span among,
                                                        spi::timestamp now) {
  pass_time(now);
  return pick_of(only(among), key, among.size(), now);
}

/// Members that start slowly and aren't ready yet come last.
result<std::vector<std::uint64_t>> balanced_pool::pick_of(const masks& shown, std::uint64_t key,
                                                          std::size_t count, spi::timestamp now) {
  picks_.clear();
  late_.clear();
  count = std::min(count, members_.size());
  for (auto mask : shown) {
    // A second call replaces the members that were put off by the first one.
    for (int call = 0; call < 2 && !mask.empty() && picks_.size() < count; ++call)
      if (auto added = add_picks(key, now, mask, count); !added)
        return tl::unexpected{added.error()};
    if (picks_.size() + late_.size() >= count)
      break; // a member that starts slowly is better than one that failed
  }
  picks_.insert(picks_.end(), late_.begin(), late_.end());
  picks_.resize(std::min(picks_.size(), count));
  std::vector<std::uint64_t> ids;
  for (auto who : picks_)
    ids.push_back(members_[who].id);
  return ids;
}

status balanced_pool::add_picks(std::uint64_t key, spi::timestamp now,
                                std::span<const std::uint8_t> shown, std::size_t count) {
  if (count == picks_.size())
    return {};
  fresh_.assign(count - picks_.size(), spi::no_slot);
  std::size_t filled = 0;
  spi::pick_request request{key, now, tried_};
  if (auto called =
          guard([&] { filled = balancer_->pick_many(request, facts(shown), std::span{fresh_}); });
      !called)
    return called;
  if (filled > fresh_.size())
    return tl::unexpected{
        plugin_error(fmt::format("filled {} of {} places with picks", filled, fresh_.size()))};
  for (auto who : std::span{fresh_}.first(filled)) {
    if (auto valid = check_pick(who, shown); !valid)
      return valid;
    tried_.push_back(who);
    (is_ready(who, now) ? picks_ : late_).push_back(who);
  }
  return {};
}

bool balanced_pool::is_ready(spi::slot who, spi::timestamp now) {
  auto& since = started_[who];
  if (since == spi::timestamp::max())
    return true;
  auto passed = now - since;
  if (passed >= options_.slow_start) {
    since = spi::timestamp::max();
    return true;
  }
  constexpr double part_at_first = 0.1;
  auto part =
      static_cast<double>(passed.count()) / static_cast<double>(options_.slow_start.count());
  return random_.chance(std::max(part, part_at_first));
}

// -- what a balancer may do wrong ---------------------------------------------------------------

status balanced_pool::check_pick(spi::slot picked, std::span<const std::uint8_t> shown) {
  if (picked >= members_.size())
    return tl::unexpected{
        plugin_error(fmt::format("picked member number {} of {}", picked, members_.size()))};
  auto id = members_[picked].id;
  if (shown[picked] == 0)
    return tl::unexpected{plugin_error(fmt::format("picked member {}, which isn't available", id))};
  if (std::find(tried_.begin(), tried_.end(), picked) != tried_.end())
    return tl::unexpected{
        plugin_error(fmt::format("picked member {}, which the request was not to go to", id))};
  return {};
}

error balanced_pool::current_exception_as_error() {
  try {
    throw;
  } catch (const balancer_hangs& hanging) {
    return plugin_error(hanging.what());
  } catch (const std::exception& thrown) {
    return plugin_error(std::string{"threw: "} + thrown.what());
  } catch (...) {
    return plugin_error("threw something that is no std::exception");
  }
}

error balanced_pool::plugin_error(const std::string& what) {
  ++plugin_errors_;
  return {errc::internal, fmt::format("the balancer plugin '{}' {}; choose another plugin, or fix "
                                      "this one",
                                      name_, what)};
}

} // namespace atl
