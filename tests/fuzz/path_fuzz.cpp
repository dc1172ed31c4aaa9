#include "fuzzing.hpp"
#include "namespace/namespace_limits.hpp"
#include "namespace/path.hpp"

#include <atoll/core/printable_text.hpp>

using namespace dfs;

void fuzzing::try_bytes(std::string_view bytes) {
  place where{take_byte(bytes) % 2 ? root_inode : 77, std::string{bytes}};
  auto parsed = parse_path(where);
  auto quoted = in_quotes(where);
  promise(atl::is_utf8(quoted));
  promise(atl::is_utf8(parsed ? parsed->quoted() : parsed.error().message));
  if (auto absolute = place_of(bytes))
    promise("/" + absolute->path == bytes);
  auto split = split_last(where);
  if (!parsed) {
    promise(!split);
    return;
  }
  std::string again;
  for (auto name : parsed->names) {
    promise(!name.empty() && name.size() <= limits::name_bytes_max && name != "." && name != "..");
    promise(name.find('\0') == name.npos);
    if (!again.empty())
      again += '/';
    again += name;
  }
  if (parsed->directory_only)
    again += '/';
  promise(again == where.path);
  promise(split.has_value() == !parsed->names.empty());
  if (split) {
    promise(split->name == parsed->names.back());
    promise(parse_path(split->parent)->names.size() == parsed->names.size() - 1);
  }
}
