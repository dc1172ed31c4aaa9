#include <atoll/core/damaged_state.hpp>
#include <atoll/core/sync.hpp>

#include <fmt/format.h>

#include <fstream>
#include <sstream>
#include <system_error>

namespace atl {

namespace fs = std::filesystem;

namespace {

status io_error(std::string_view what, const fs::path& which, const std::error_code& problem) {
  return fail(errc::io, fmt::format("{} {}: {}", what, which.string(), problem.message()));
}

} // namespace

status note_damage(const group_folder& at, std::string_view why) {
  std::error_code problem;
  if (fs::exists(at.damage, problem))
    return {};
  auto beside = at.damage;
  beside += ".new";
  std::ofstream file{beside, std::ios::binary | std::ios::trunc};
  file << why << '\n';
  file.close();
  if (!file)
    return fail(errc::io, fmt::format("can't write {}", beside.string()));
  if (auto synced = sync_to_disk(beside); !synced)
    return synced;
  fs::rename(beside, at.damage, problem);
  if (problem)
    return io_error("renaming", beside, problem);
  return sync_to_disk(at.damage.parent_path());
}

std::string noted_damage(const group_folder& at) {
  std::ifstream file{at.damage, std::ios::binary};
  if (!file)
    return {};
  std::ostringstream text;
  text << file.rdbuf();
  auto why = text.str();
  while (!why.empty() && why.back() == '\n')
    why.pop_back();
  return why.empty() ? "of an unknown kind" : why;
}

status put_damaged_state_aside(const group_folder& at) {
  std::error_code problem;
  if (!fs::exists(at.state, problem))
    return {};
  if (fs::exists(at.damaged, problem)) {
    fs::remove_all(at.state, problem);
    if (problem)
      return io_error("removing", at.state, problem);
  } else {
    fs::rename(at.state, at.damaged, problem);
    if (problem)
      return io_error("moving aside", at.state, problem);
  }
  return sync_to_disk(at.state.parent_path());
}

status forget_damage(const group_folder& at) {
  std::error_code problem;
  fs::remove(at.damage, problem);
  if (problem)
    return io_error("removing", at.damage, problem);
  if (auto synced = sync_to_disk(at.damage.parent_path()); !synced)
    return synced;
  fs::remove_all(at.damaged, problem);
  return problem ? io_error("removing", at.damaged, problem) : status{};
}

} // namespace atl
