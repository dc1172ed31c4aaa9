#include <atoll/node/unite_keys.hpp>

#include <set>
#include <string>

namespace atl::node {

std::vector<key_spec> unite_keys(const std::vector<std::vector<key_spec>>& lists) {
  std::vector<key_spec> all;
  std::set<std::string> known;
  for (auto& list : lists)
    for (auto& key : list)
      if (known.insert(key.key).second)
        all.push_back(key);
  return all;
}

} // namespace atl::node
