#include "namespace/apply.hpp"
#include "namespace/keys.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <fmt/format.h>

namespace dfs::state {

using atl::errc;
using atl::fail;
using atl::result;
using responses::admitted;

namespace {

bool is_text(std::string_view text) {
  return !text.empty() && text.size() <= limits::member_text_bytes_max && is_utf8(text);
}

/// A summary of the admitted masters for the next admission.
struct admissions {
  std::uint32_t highest = 0;
  std::size_t count = 0;
  std::uint32_t of_folder = 0; ///< the id of the folder; 0: it was not admitted
};

admissions look_up(state_transaction& state, const std::string& folder) {
  admissions found;
  state.for_each_member([&](std::uint32_t id, const member_record& record) {
    found.highest = std::max(found.highest, id);
    ++found.count;
    if (record.folder == folder)
      found.of_folder = id;
  });
  return found;
}

} // namespace

result<admitted> run(state_transaction& state, const commands::admit_master& command) {
  if (!is_text(command.name) || !is_text(command.address) || !is_text(command.folder))
    return fail(errc::invalid,
                "a master needs a name, an address and a data folder to be admitted");
  auto known = look_up(state, command.folder);
  if (known.of_folder != 0)
    return admitted{known.of_folder};
  if (known.count >= limits::members_max)
    return fail(errc::refused, fmt::format("{} masters were admitted already, the most that are "
                                           "possible",
                                           known.count));
  auto id = command.id != 0 ? command.id : known.highest + 1;
  if (auto other = state.find_member(id))
    return fail(
        errc::refused,
        fmt::format("id {} belongs to the data folder {} of {} for good, since that one may "
                    "have made promises under it: 'dfs admin master replace {}' gives this "
                    "folder an id of its own",
                    id, other->folder, in_quotes(other->name), command.name));
  state.put(keys::member(id), encode(member_record{command.name, command.address, command.folder}));
  return admitted{id};
}

} // namespace dfs::state
