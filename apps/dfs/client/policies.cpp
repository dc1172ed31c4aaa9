#include "client/policies.hpp"

#include <fmt/format.h>

#include <thread>

namespace dfs {

namespace {

using atl::errc;

constexpr std::chrono::seconds remembered_for{1};
constexpr std::size_t directories_max = 10'000;
constexpr std::chrono::milliseconds pause_before_asking_again{20};

} // namespace

policies::policies(master_calls masters, scheme_finder find_scheme,
                   std::chrono::microseconds patience)
    : masters_{std::move(masters)}, find_scheme_{std::move(find_scheme)}, patience_{patience} {}

atl::result<std::shared_ptr<const scheme>> policies::find(policy_id id) {
  {
    std::lock_guard lock{mutex_};
    if (auto known = known_.find(id); known != known_.end())
      return known->second;
  }
  if (id == no_policy)
    return atl::fail(errc::corrupt, "a chunk without a policy");
  auto page = masters_.policies(id - 1);
  if (!page)
    return tl::unexpected{page.error()};
  if (page->policies.empty() || page->policies.front().id != id)
    return atl::fail(errc::refused, fmt::format("no master knows policy {}", id));
  auto found = find_scheme_(id, page->policies.front().policy);
  if (found) {
    std::lock_guard lock{mutex_};
    known_[id] = *found;
  }
  return found;
}

policies::directory_key policies::key_of(const place& where) {
  auto slash = where.path.rfind('/');
  return {where.at, slash == where.path.npos ? std::string{} : where.path.substr(0, slash)};
}

/// A new cluster has no policy until its first leader has defined one.
atl::result<responses::effective_policy> policies::ask(const place& where) const {
  for (auto give_up = clock::now() + patience_;;) {
    auto found = masters_.policy_for_new_file(where);
    if (found || found.error().code != errc::not_found || clock::now() >= give_up)
      return found;
    std::this_thread::sleep_for(pause_before_asking_again);
  }
}

atl::result<std::shared_ptr<const scheme>> policies::find_for_new_file(const place& where) {
  auto key = key_of(where);
  auto now = clock::now();
  {
    std::lock_guard lock{mutex_};
    if (auto known = directories_.find(key);
        known != directories_.end() && now - known->second.since < remembered_for)
      return known->second.what;
  }
  auto found = ask(where);
  if (!found)
    return tl::unexpected{found.error()};
  auto what = find_scheme_(found->id, found->policy);
  if (!what)
    return what;
  std::lock_guard lock{mutex_};
  if (directories_.size() >= directories_max)
    directories_.clear();
  directories_[std::move(key)] = {*what, now};
  known_[found->id] = *what;
  return what;
}

void policies::forget(const place& where) {
  std::lock_guard lock{mutex_};
  directories_.erase(key_of(where));
}

} // namespace dfs
