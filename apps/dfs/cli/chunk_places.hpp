#pragma once

#include "client/control.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <nlohmann/json.hpp>

#include <map>
#include <string>

/// The storage nodes of a file's chunks, by name.
namespace dfs::cli {

/// The storage nodes that are known, by their ids.
struct storage_names {
  struct node {
    std::string name;
    bool is_up = false;
  };
  std::map<storage_id, node> by_id;
};

atl::result<storage_names> find_storage_names(control& masters);

/// As `dfs stat` has it: `storages` by id and `names` by name, in the order of the fragments; null
/// for a fragment that no node has.
/// @param part of a chunk
nlohmann::json describe_chunk(const piece& part, const storage_names& names);

/// "on storage-1, storage-3 (down); 1 copy is missing", from the result of `describe_chunk`.
std::string place_text(const nlohmann::json& chunk);

} // namespace dfs::cli
