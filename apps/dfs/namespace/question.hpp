#pragma once

#include "namespace/answer.hpp"
#include "namespace/types.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dfs {

/// What can be asked of the name space. Each is answered by its `answer`, cut into pages of at most
/// `limits::answer_bytes_max`, or by an error. In all: `limit` 0 means as many as fit into a page.
namespace questions {

struct stat {
  using answer = answers::entry;
  std::string path;
};

struct list {
  using answer = answers::listing;
  std::string path;
  std::string after; ///< empty: from the first; need not exist (any more)
  std::uint32_t limit = 0;
};

/// Between two pages the file may have been replaced: then inode and version differ.
struct open {
  using answer = answers::opened;
  std::string path;
  std::uint32_t from_extent = 0;
};

struct summary {
  using answer = answers::summary;
  storage_id after = no_storage; ///< pages through the storage nodes
};

/// The chunks with a fragment on a node.
struct chunks_on {
  using answer = answers::chunk_page;
  storage_id node = no_storage;
  chunk_id after; ///< all zero: from the first
  std::uint32_t limit = 0;
};

/// Which of these chunks does something refer to, and where are they? One that isn't in the answer
/// and was made before the collection horizon never will be referred to: it can be deleted.
struct known {
  using answer = answers::known_chunks;
  std::vector<chunk_id> ids; ///< at most `limits::known_ids_max`
};

struct all_chunks {
  using answer = answers::chunk_page;
  chunk_id after; ///< all zero: from the first
  std::uint32_t limit = 0;
};

/// The group that the state belongs to, and every master that was ever let into it.
struct members {
  using answer = answers::members;
};

} // namespace questions

/// The order is that of the bytes on the wire: append only.
using question =
    std::variant<questions::stat, questions::list, questions::open, questions::summary,
                 questions::chunks_on, questions::known, questions::all_chunks, questions::members>;

std::string encode(const question& question);

/// Is it, as far as it can be read, about one file or directory alone?
bool asks_for_one(std::string_view question);

/// @returns `errc::invalid` for bytes that are no question known here.
atl::result<question> decode_question(std::string_view bytes);

} // namespace dfs
