#pragma once

#include "common/policy.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/answer.hpp>
#include <atoll/spi/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// The responses of the name space to successful requests. `tag` identifies the type on the wire.
namespace responses {

/// The response to a command that changed an inode or a name. A requester that made or changed an
/// inode knows all its attributes with this.
struct changed {
  static constexpr std::uint8_t tag = 1;
  inode_id inode = 0; ///< what was changed, made or removed
  std::uint64_t version = 0;
  std::int64_t time_ns = 0; ///< the state's time, in nanoseconds since 1970

  friend bool operator==(const changed&, const changed&) = default;
};

struct registered {
  static constexpr std::uint8_t tag = 2;
  storage_id id = no_storage;

  friend bool operator==(const registered&, const registered&) = default;
};

struct garbage_collected {
  static constexpr std::uint8_t tag = 3;
  std::uint64_t gc_watermark_us = 0;  ///< the present watermark
  std::uint32_t reclaimed_inodes = 0; ///< by this command
  std::uint32_t expired_sessions = 0; ///< by this command
  /// Trees and large files still to be reclaimed, and trees in the trash still to be counted.
  std::uint64_t pending_removals = 0;
  std::uint32_t discarded_entries = 0; ///< of the trash, by this command

  friend bool operator==(const garbage_collected&, const garbage_collected&) = default;
};

/// A name and what it names.
struct entry {
  static constexpr std::uint8_t tag = 4;
  std::string name; ///< empty if the query named an inode
  inode_id inode = 0;
  inode_attributes attributes;

  friend bool operator==(const entry&, const entry&) = default;
};

struct listing {
  static constexpr std::uint8_t tag = 5;
  std::vector<entry> entries; ///< in order of the names' bytes
  bool more = false;          ///< ask again, after the last name

  friend bool operator==(const listing&, const listing&) = default;
};

/// A file's content, or a symbolic link's target, from an offset on. What no piece describes is a
/// hole.
struct opened {
  static constexpr std::uint8_t tag = 6;
  inode_id inode = 0;
  inode_attributes attributes;
  std::vector<piece> pieces; ///< in order, the first one may begin before the offset; no holes
  bool more = false;         ///< ask again, from the end of the last piece

  friend bool operator==(const opened&, const opened&) = default;
};

struct storage_node {
  storage_id id = no_storage;
  std::string name;
  std::string uuid;
  storage_state state = storage_state::active;

  friend bool operator==(const storage_node&, const storage_node&) = default;
};

/// The counts include inodes in the trash, and those that are still to be reclaimed
/// (`pending_removals`).
struct summary {
  static constexpr std::uint8_t tag = 7;
  std::string cluster_id;
  std::uint64_t applied = 0;
  std::uint64_t gc_watermark_us = 0;
  std::uint64_t latest_us = 0; ///< the state's time: the latest of all commands' times
  std::uint64_t files = 0;
  std::uint64_t directories = 0; ///< with the root
  std::uint64_t others = 0;      ///< symbolic links, devices, pipes, sockets
  std::uint64_t chunks = 0;
  std::uint64_t incomplete_chunks = 0; ///< that lack fragments
  std::uint64_t bytes = 0;             ///< of the files' sizes
  std::uint64_t sessions = 0;
  std::uint64_t pending_removals = 0; ///< as in `garbage_collected`
  std::uint64_t trash_entries = 0;
  std::uint64_t trash_bytes = 0;      ///< of the files in the trash, as far as they are counted
  std::uint64_t trash_expires_us = 0; ///< when the next entry does; 0: none is there
  std::vector<storage_node> storages; ///< in order of the ids, without forgotten ones
  bool more = false;                  ///< of the storages: ask again, after the last id

  friend bool operator==(const summary&, const summary&) = default;
};

struct chunk_page {
  static constexpr std::uint8_t tag = 8;
  std::vector<chunk_record> chunks; ///< in order of the ids
  bool more = false;                ///< ask again, after the last id

  friend bool operator==(const chunk_page&, const chunk_page&) = default;
};

struct known_chunks {
  static constexpr std::uint8_t tag = 9;
  /// The number of requested ids, from the first, that this response covers; query again for the
  /// rest.
  std::uint32_t examined = 0;
  std::vector<chunk_record> chunks; ///< the referenced chunks, in the order of the query

  friend bool operator==(const known_chunks&, const known_chunks&) = default;
};

struct written {
  static constexpr std::uint8_t tag = 10;
  inode_id inode = 0;
  std::uint64_t version = 0;      ///< of the inode and of its content
  std::int64_t time_ns = 0;       ///< as in `changed`
  std::uint64_t offset_bytes = 0; ///< of the first piece, also of one that was appended
  std::uint64_t size_bytes = 0;   ///< of the file, now

  friend bool operator==(const written&, const written&) = default;
};

struct defined {
  static constexpr std::uint8_t tag = 11;
  policy_id id = no_policy;

  friend bool operator==(const defined&, const defined&) = default;
};

enum class relocation_outcome : std::uint8_t {
  done,
  no_such_chunk, ///< nothing refers to it
  is_elsewhere,  ///< the fragment is not at `from`
  impossible,    ///< no such fragment, or no such node, or the node counts as lost
  superseded,    ///< a leader of a higher term has sent relocations since
};
inline constexpr relocation_outcome relocation_outcome_last = relocation_outcome::superseded;

struct relocated {
  static constexpr std::uint8_t tag = 12;
  std::vector<relocation_outcome> outcomes; ///< in the order of the moves

  friend bool operator==(const relocated&, const relocated&) = default;
};

struct mounted {
  static constexpr std::uint8_t tag = 13;
  mount_id id = 0;

  friend bool operator==(const mounted&, const mounted&) = default;
};

/// Encoded answers, one for each action of a batch.
struct answers {
  static constexpr std::uint8_t tag = 14;
  std::vector<std::string> each;

  friend bool operator==(const answers&, const answers&) = default;
};

struct incomplete_page {
  static constexpr std::uint8_t tag = 15;
  struct item {
    std::uint8_t spare = 0; ///< as in `keys::incomplete`
    chunk_record chunk;

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> chunks; ///< the most endangered first
  bool more = false;        ///< ask again, after the last one

  friend bool operator==(const incomplete_page&, const incomplete_page&) = default;
};

/// The policy by which what is stored at a place from now on is stored.
struct effective_policy {
  static constexpr std::uint8_t tag = 16;
  policy_id id = no_policy;
  dfs::policy policy;
  inode_id set_at = 0; ///< the directory that has it
  inode_id inode = 0;  ///< at the place

  friend bool operator==(const effective_policy&, const effective_policy&) = default;
};

struct policy_page {
  static constexpr std::uint8_t tag = 17;
  struct item {
    policy_id id = no_policy;
    dfs::policy policy;

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> policies; ///< in order of the ids
  bool more = false;          ///< ask again, after the last id

  friend bool operator==(const policy_page&, const policy_page&) = default;
};

struct setting_page {
  static constexpr std::uint8_t tag = 18;
  struct item {
    std::string key;
    std::string value;
    std::uint64_t version = 0; ///< log index of the last change

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> settings; ///< in order of the keys
  bool more = false;          ///< ask again, after the last key

  friend bool operator==(const setting_page&, const setting_page&) = default;
};

struct mount_page {
  static constexpr std::uint8_t tag = 19;
  struct item {
    mount_id id = 0;
    std::string name;
    std::uint64_t begun_us = 0; ///< since 1970

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> mounts; ///< in order of the ids
  bool more = false;        ///< ask again, after the last id

  friend bool operator==(const mount_page&, const mount_page&) = default;
};

struct xattr_value {
  static constexpr std::uint8_t tag = 20;
  std::string value;

  friend bool operator==(const xattr_value&, const xattr_value&) = default;
};

struct xattr_names {
  static constexpr std::uint8_t tag = 21;
  std::vector<std::string> names; ///< in order of their bytes
  bool more = false;              ///< ask again, after the last name

  friend bool operator==(const xattr_names&, const xattr_names&) = default;
};

/// The trash in the order in which it expires.
struct trash_page {
  static constexpr std::uint8_t tag = 22;
  struct item {
    inode_id inode = 0;
    inode_type type = inode_type::file;
    place from;                   ///< the name that was removed
    std::uint64_t removed_us = 0; ///< since 1970, in the state's time
    std::uint64_t expires_us = 0; ///< likewise
    std::uint64_t bytes = 0;      ///< of its files, as far as they are counted
    std::uint64_t inodes = 1;     ///< likewise, and with itself
    bool is_counted = true;

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> items;
  std::uint64_t time_us = 0; ///< the state's
  bool more = false;         ///< ask again, after these two:
  std::uint64_t next_expires_us = 0;
  inode_id next_inode = 0;

  friend bool operator==(const trash_page&, const trash_page&) = default;
};

struct discarded {
  static constexpr std::uint8_t tag = 23;
  std::uint32_t entries = 0;
  std::uint64_t bytes = 0; ///< of their files, as far as they were counted

  friend bool operator==(const discarded&, const discarded&) = default;
};

/// A directory on the way of a walk, and the last of its entries that was visited; empty: none yet.
struct walk_step {
  inode_id directory = 0;
  std::string after;

  friend bool operator==(const walk_step&, const walk_step&) = default;
};

/// What is stored otherwise than the policies of the directories say.
struct unconverted_page {
  static constexpr std::uint8_t tag = 24;
  /// A range of a file that refers to a chunk.
  struct item {
    inode_id inode = 0;
    std::uint32_t links = 1; ///< of the inode
    std::uint64_t offset_bytes = 0;
    std::uint64_t length_bytes = 0;
    chunk_record chunk; ///< the id is all zero: no chunk, the inode's policy alone differs
    policy_id policy = no_policy; ///< by which it should be stored

    friend bool operator==(const item&, const item&) = default;
  };
  std::vector<item> items;
  std::uint64_t files = 0;       ///< that were looked at
  bool more = false;             ///< ask again, after these two:
  std::vector<walk_step> next;   ///< the directories down to the one whose entries come next
  std::uint64_t next_offset = 0; ///< in the file that the last step names; 0: it is done

  friend bool operator==(const unconverted_page&, const unconverted_page&) = default;
};

void write(atl::spi::writer& out, const changed& answer);
void read(atl::spi::reader& in, changed& answer);
void write(atl::spi::writer& out, const registered& answer);
void read(atl::spi::reader& in, registered& answer);
void write(atl::spi::writer& out, const garbage_collected& answer);
void read(atl::spi::reader& in, garbage_collected& answer);
void write(atl::spi::writer& out, const entry& answer);
void read(atl::spi::reader& in, entry& answer);
void write(atl::spi::writer& out, const listing& answer);
void read(atl::spi::reader& in, listing& answer);
void write(atl::spi::writer& out, const opened& answer);
void read(atl::spi::reader& in, opened& answer);
void write(atl::spi::writer& out, const summary& answer);
void read(atl::spi::reader& in, summary& answer);
void write(atl::spi::writer& out, const chunk_page& answer);
void read(atl::spi::reader& in, chunk_page& answer);
void write(atl::spi::writer& out, const known_chunks& answer);
void read(atl::spi::reader& in, known_chunks& answer);
void write(atl::spi::writer& out, const written& answer);
void read(atl::spi::reader& in, written& answer);
void write(atl::spi::writer& out, const defined& answer);
void read(atl::spi::reader& in, defined& answer);
void write(atl::spi::writer& out, const relocated& answer);
void read(atl::spi::reader& in, relocated& answer);
void write(atl::spi::writer& out, const mounted& answer);
void read(atl::spi::reader& in, mounted& answer);
void write(atl::spi::writer& out, const answers& answer);
void read(atl::spi::reader& in, answers& answer);
void write(atl::spi::writer& out, const incomplete_page& answer);
void read(atl::spi::reader& in, incomplete_page& answer);
void write(atl::spi::writer& out, const effective_policy& answer);
void read(atl::spi::reader& in, effective_policy& answer);
void write(atl::spi::writer& out, const policy_page& answer);
void read(atl::spi::reader& in, policy_page& answer);
void write(atl::spi::writer& out, const setting_page& answer);
void read(atl::spi::reader& in, setting_page& answer);
void write(atl::spi::writer& out, const mount_page& answer);
void read(atl::spi::reader& in, mount_page& answer);
void write(atl::spi::writer& out, const xattr_value& answer);
void read(atl::spi::reader& in, xattr_value& answer);
void write(atl::spi::writer& out, const xattr_names& answer);
void read(atl::spi::reader& in, xattr_names& answer);
void write(atl::spi::writer& out, const trash_page& answer);
void read(atl::spi::reader& in, trash_page& answer);
void write(atl::spi::writer& out, const discarded& answer);
void read(atl::spi::reader& in, discarded& answer);
void write(atl::spi::writer& out, const std::vector<walk_step>& steps);
void read(atl::spi::reader& in, std::vector<walk_step>& steps);
void write(atl::spi::writer& out, const unconverted_page& answer);
void read(atl::spi::reader& in, unconverted_page& answer);

} // namespace responses

inline std::string encode_response(const atl::error& error) {
  return atl::encode_answer(error);
}

template <class Answer>
std::string encode_response(const Answer& answer) {
  atl::spi::writer out;
  atl::begin_answer(out, Answer::tag);
  responses::write(out, answer);
  return out.take();
}

template <class Answer>
std::string encode_response(const atl::result<Answer>& answer) {
  return answer ? encode_response(*answer) : encode_response(answer.error());
}

/// Decodes a response from bytes that may be hostile:
/// `decode_response<commands::make::response>(…)`.
/// @returns the error in the response; `errc::corrupt` for bytes that are no such response.
template <class Answer>
atl::result<Answer> decode_response(std::string_view bytes) {
  atl::spi::reader in{bytes};
  if (auto head = atl::read_answer_head(in, Answer::tag); !head)
    return tl::unexpected{head.error()};
  Answer answer;
  responses::read(in, answer);
  if (!in.done())
    return tl::unexpected{atl::malformed_answer()};
  return answer;
}

} // namespace dfs
