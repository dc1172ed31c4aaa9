#include "namespace/execute_query.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs::state {

using atl::result;

namespace {

/// An item without its place, and what the place has besides its path.
constexpr std::size_t item_bytes = 8 + 1 + 8 + 4 + 4 * 8 + 1;

/// Was something removed from the place, or from below it?
bool is_from(const place& from, const place& under) {
  if (under == place{})
    return true;
  if (from.at != under.at || !from.path.starts_with(under.path))
    return false;
  auto rest = std::string_view{from.path}.substr(under.path.size());
  return under.path.empty() || rest.empty() || rest.front() == '/';
}

} // namespace

result<responses::trash_page> execute(present_reader& state, const queries::trash& query) {
  auto path = parse_path(query.under);
  if (!path)
    return tl::unexpected{path.error()};
  auto under = query.under;
  if (path->directory_only)
    under.path.pop_back();
  auto from = keys::trash(query.after_expires_us, query.after_inode);
  if (query.after_inode != 0)
    from.push_back('\0');
  responses::trash_page answer;
  answer.time_us = state.summary().time_us;
  page page{query.limit, sizeof answer};
  std::uint32_t examined = 0;
  state.scan(keys::all_trash(), from, [&](std::string_view key, std::string_view value) {
    auto at = keys::trash_in(key);
    trash_record record;
    if (!at || !decode(value, record)) {
      state.fail_damaged("a record of the trash");
      return false;
    }
    auto is_wanted = is_from(record.from, under);
    answer.more = ++examined > limits::trash_rows_examined_max ||
                  (is_wanted && !page.take(item_bytes + record.from.path.size()));
    if (answer.more)
      return false;
    answer.next_expires_us = at->expires_us;
    answer.next_inode = at->inode;
    if (is_wanted)
      answer.items.push_back({at->inode, state.must_inode(at->inode).type, std::move(record.from),
                              record.removed_us, at->expires_us, record.bytes, record.inodes,
                              record.is_counted});
    return !state.failure();
  });
  return answer;
}

} // namespace dfs::state
