#include <atoll/node/group_config.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::node {

using spi::option_type;

std::vector<key_spec> group_keys(std::string_view array) {
  auto key = [&](std::string_view name) { return fmt::format("{}[]{}", array, name); };
  return {
      {.key = key(""), .minimum = "1", .maximum = "9"},
      {.key = key(".id"),
       .type = option_type::integer,
       .required = true,
       .minimum = "1",
       .maximum = "1000000",
       .meaning = "The member's number in the group; never give it to another disk."},
      {.key = key(".name"), .required = true, .meaning = "As node.name in that node's file."},
      {.key = key(".address"),
       .required = true,
       .meaning = "host:port where the others find it, and where it listens; see node.listen."},
      {.key = key(".joins"),
       .type = option_type::boolean,
       .default_value = "false",
       .meaning = "true: not of the group at its birth; an operator lets it in later."},
  };
}

std::vector<member_config> read_group(const config& config, std::string_view array,
                                      config_errors& problems) {
  std::vector<member_config> members;
  for (std::size_t i = 0; i < config.size_of(array); ++i) {
    auto key = [&](std::string_view name) { return config::at(array, i, name); };
    member_config entry;
    entry.id = static_cast<spi::replica_id>(config.integer(key("id")));
    entry.name = config.text(key("name"));
    problems.check_name(key("name"));
    entry.address = problems.check_reachable(key("address"), "node.listen");
    entry.joins = config.boolean(key("joins"));
    for (auto& other : members) {
      if (other.id == entry.id)
        problems.add(key("id"), fmt::format("{} is the id of {} already", entry.id, other.name));
      if (other.name == entry.name)
        problems.add(key("name"), "another member has this name");
      if (other.address == entry.address)
        problems.add(key("address"), fmt::format("{} listens there already", other.name));
    }
    members.push_back(std::move(entry));
  }
  if (std::ranges::all_of(members, &member_config::joins))
    problems.add(config::at(array, 0, "joins"),
                 "all of them join later: the group needs one at its birth");
  return members;
}

} // namespace atl::node
