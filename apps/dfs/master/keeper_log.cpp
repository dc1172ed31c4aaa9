#include "master/keeper_log.hpp"

#include <atoll/core/logging.hpp>

namespace dfs {

void log_notice(const atl::keep::notice& what, const chunk_id& chunk,
                const std::function<std::string(atl::keep::node_id)>& name_of) {
  using about = atl::keep::notice::about;
  auto id = to_string(chunk);
  auto fragment = what.key.fragment;
  auto node = name_of(what.node);
  switch (what.what) {
  case about::mended:
    return atl::log::info("keeper", node,
                          "chunk {}: fragment {} is in order again (it could lose {} more)", id,
                          fragment, what.spare);
  case about::moved:
    return atl::log::info("keeper", node, "chunk {}: fragment {} has moved here from {}", id,
                          fragment, name_of(what.from));
  case about::adopted:
    return atl::log::info("keeper", node, "chunk {}: fragment {} was here still, and counts again",
                          id, fragment);
  case about::damaged:
    return atl::log::warning("keeper", node, "chunk {}: fragment {} is damaged here", id, fragment);
  case about::missing:
    return atl::log::warning("keeper", node, "chunk {}: fragment {} is missing here", id, fragment);
  case about::unreadable:
    return atl::log::warning("keeper", "",
                             "chunk {}: can't be read, because too few of its fragments can be "
                             "reached",
                             id);
  case about::readable:
    return atl::log::info("keeper", "", "chunk {}: can be read again", id);
  case about::node_dead:
    return atl::log::warning("keeper", node,
                             "silent for too long: its fragments count as lost, and are made anew "
                             "elsewhere");
  case about::node_back:
    return atl::log::info("keeper", node, "back again: what it holds counts again");
  case about::drained:
    return atl::log::info("keeper", node, "nothing is left here: it may be switched off");
  case about::held_back:
    return atl::log::warning("keeper", "",
                             "more than half of the storage nodes are silent at once: none of them "
                             "counts as lost, because this master may be cut off");
  }
}

} // namespace dfs
