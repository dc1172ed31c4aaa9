#pragma once

#include "model.hpp"

#include <atoll/spi/random.hpp>

namespace names {

/// Draws commands about a small set of names, inodes and offsets, so that they meet often.
class action_source {
 public:
  action_source(std::uint64_t seed, const model& known, policy_id other, policy_id trash)
      : random_{seed}, known_{known}, other_policy_{other}, trash_policy_{trash} {}

  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  single_action draw() {
    switch (below(19)) {
    case 0:
    case 1:
    case 2:
      return draw_make();
    case 3:
      return commands::link{draw_place(), draw_place()};
    case 4:
      return draw_unlink();
    case 5:
    case 6:
      return draw_rename();
    case 7:
      return draw_change();
    case 8:
    case 9:
    case 10:
      return draw_write();
    case 11:
      return draw_clone();
    case 12:
      return draw_xattr();
    case 13:
      return draw_set_policy();
    case 14:
      return draw_mount();
    case 15:
      return draw_restore();
    case 16:
      return one_in(4) ? single_action{draw_discard()} : commands::collect_garbage{};
    case 17:
      return draw_replace_chunk();
    default:
      return draw_relocate();
    }
  }

 private:
  inode_id draw_inode() {
    if (one_in(12))
      return below(known_.next_inode() + 3);
    auto found = known_.nodes().lower_bound(below(known_.next_inode()));
    return found == known_.nodes().end() ? root_inode : found->first;
  }
  place draw_place() {
    place where;
    if (!one_in(3))
      where.at = draw_inode();
    if (where.at != root_inode && one_in(2))
      return where;
    for (auto names = 1 + below(3); names > 0; --names) {
      where.path += static_cast<char>('a' + below(4));
      if (names > 1 || one_in(25))
        where.path += '/';
    }
    return where;
  }
  std::vector<mount_id> draw_mounts() {
    std::vector<mount_id> mounts;
    for (auto id : known_.mounts())
      if (one_in(3))
        mounts.push_back(id);
    if (one_in(20))
      mounts.push_back(1000);
    return mounts;
  }
  std::optional<std::int64_t> draw_time() {
    if (one_in(2))
      return std::nullopt;
    return static_cast<std::int64_t>(below(1000)) - 500;
  }

  chunk_record draw_chunk() {
    auto number = below(12);
    chunk_record chunk{{birth_us, number}, 100, {}, 0, 1};
    chunk.nodes = {1, number % 3 == 0 ? no_storage : 2};
    return chunk;
  }
  /// Pieces in order, up to byte 500 or so.
  std::vector<piece> draw_pieces() {
    std::vector<piece> pieces;
    auto offset = below(200);
    for (auto left = below(4); left > 0; --left) {
      piece part;
      part.offset_bytes = offset;
      part.length_bytes = 1 + below(80);
      switch (below(3)) {
      case 0:
        break;
      case 1: {
        std::string text(part.length_bytes, static_cast<char>('a' + below(26)));
        part.content = std::move(text);
        break;
      }
      default: {
        chunk_part stored;
        stored.chunk = draw_chunk();
        stored.offset_bytes = below(100 - part.length_bytes + 1);
        part.content = stored;
      }
      }
      offset += part.length_bytes + below(2) * below(40);
      pieces.push_back(std::move(part));
    }
    return pieces;
  }

  commands::make draw_make() {
    commands::make made;
    made.where = draw_place();
    auto kind = below(8);
    made.inode.type = kind < 3   ? inode_type::file
                      : kind < 6 ? inode_type::directory
                                 : static_cast<inode_type>(below(inode_type_count));
    made.inode.mode = static_cast<std::uint16_t>(below(010000));
    made.inode.uid = static_cast<std::uint32_t>(below(3));
    made.inode.gid = static_cast<std::uint32_t>(below(3));
    made.inode.atime_ns = draw_time();
    made.inode.mtime_ns = draw_time();
    made.existing = static_cast<commands::make::if_exists>(below(3));
    made.parents = one_in(2);
    made.parents_mode = static_cast<std::uint16_t>(below(010000));
    if (made.inode.type == inode_type::file) {
      made.content = draw_pieces();
      made.size_bytes = below(2) * below(400);
    } else if (made.inode.type == inode_type::symlink) {
      made.content = text_pieces(std::string(1 + below(20), 't'));
    } else if (made.inode.type == inode_type::char_device) {
      made.inode.device = below(1000);
    }
    return made;
  }
  commands::unlink draw_unlink() {
    commands::unlink gone;
    gone.where = draw_place();
    gone.expected = static_cast<commands::unlink::expect>(below(3));
    gone.recursive = one_in(8);
    gone.keep_for = draw_mounts();
    return gone;
  }
  commands::rename draw_rename() {
    commands::rename moved;
    moved.from = draw_place();
    moved.to = draw_place();
    moved.mode = static_cast<commands::rename::how>(below(3));
    moved.keep_for = draw_mounts();
    return moved;
  }
  commands::set_attributes draw_change() {
    commands::set_attributes change;
    change.where = draw_place();
    if (one_in(2))
      change.mode = static_cast<std::uint16_t>(below(010000));
    if (one_in(3))
      change.uid = static_cast<std::uint32_t>(below(3));
    if (one_in(3))
      change.gid = static_cast<std::uint32_t>(below(3));
    if (one_in(2))
      change.size_bytes = below(600);
    change.atime_ns = draw_time();
    change.mtime_ns = draw_time();
    change.now_atime = !change.atime_ns && one_in(2);
    change.now_mtime = !change.mtime_ns && one_in(2);
    change.drop_privileges = one_in(3);
    return change;
  }
  /// The place of a file, more often than `draw_place` finds one.
  place draw_file() {
    auto where = draw_place();
    for (int tries = 0; tries < 4; ++tries) {
      auto id = draw_inode();
      auto found = known_.nodes().find(id);
      if (found != known_.nodes().end() && found->second.is.type == inode_type::file)
        return in(id);
    }
    return where;
  }
  commands::write draw_write() {
    commands::write written;
    written.where = draw_file();
    if (one_in(8)) {
      auto found = known_.nodes().find(written.where.at);
      written.expected_data_version =
          found == known_.nodes().end() || one_in(3) ? 1 : found->second.is.data_version;
    }
    auto file = known_.nodes().find(written.where.at);
    auto is_long = file != known_.nodes().end() && file->second.content.size() > 2000;
    written.append = !is_long && one_in(6);
    written.drop_privileges = one_in(3);
    written.mtime_ns = draw_time();
    written.pieces = draw_pieces();
    return written;
  }
  commands::clone_range draw_clone() {
    commands::clone_range cloned;
    cloned.from = draw_file();
    cloned.to = one_in(3) ? cloned.from : draw_file();
    cloned.from_offset = below(200);
    cloned.to_offset = below(400);
    cloned.length_bytes = below(150);
    return cloned;
  }
  /// Most often a chunk that the file has.
  commands::replace_chunk draw_replace_chunk() {
    commands::replace_chunk replaced;
    replaced.inode = draw_file().at;
    replaced.offset_bytes = below(200);
    replaced.length_bytes = below(400);
    replaced.from = draw_chunk().id;
    auto file = known_.nodes().find(replaced.inode);
    if (file != known_.nodes().end() && !one_in(4))
      for (auto& at : file->second.content)
        if (at.what == cell::kind::chunk)
          replaced.from.random = at.chunk;
    if (!one_in(8))
      replaced.to.push_back(draw_chunk());
    replaced.policy = one_in(2) ? 1 : other_policy_;
    return replaced;
  }
  single_action draw_xattr() {
    auto name = std::string("user.") + static_cast<char>('a' + below(3));
    if (one_in(3))
      return commands::remove_xattr{draw_place(), name};
    return commands::set_xattr{draw_place(), name, std::string(below(30), 'v'),
                               static_cast<commands::set_xattr::how>(below(3))};
  }
  commands::set_policy draw_set_policy() {
    policy_id choices[] = {no_policy, 1, other_policy_, trash_policy_};
    return {draw_place(), choices[below(4)], one_in(3)};
  }
  /// Something in the trash, more often than `draw_inode` finds it.
  inode_id draw_trashed() {
    auto id = draw_inode();
    for (auto at = known_.nodes().lower_bound(id); at != known_.nodes().end(); ++at)
      if (at->second.trash && !one_in(8))
        return at->first;
    return id;
  }
  commands::restore draw_restore() {
    commands::restore restored;
    restored.inode = draw_trashed();
    if (one_in(2))
      restored.to = draw_place();
    restored.parents_mode = static_cast<std::uint16_t>(below(010000));
    restored.uid = static_cast<std::uint32_t>(below(3));
    restored.gid = static_cast<std::uint32_t>(below(3));
    return restored;
  }
  commands::discard draw_discard() {
    commands::discard gone;
    for (auto left = below(3); left > 0; --left)
      gone.inodes.push_back(draw_trashed());
    return gone;
  }
  single_action draw_mount() {
    constexpr std::size_t mounts_max = 20; // a command names as many as 1000
    if (known_.mounts().empty() || (known_.mounts().size() < mounts_max && one_in(6)))
      return commands::begin_mount{"m"};
    auto mount = *known_.mounts().rbegin();
    if (one_in(8))
      return commands::end_mount{mount};
    commands::release closed;
    closed.mount = mount;
    for (const auto& [id, node] : known_.nodes())
      if (!node.kept_by.empty() && one_in(2))
        closed.inodes.push_back(id);
    return closed;
  }
  /// What a move does to content is nothing; the audit sees the rest.
  commands::relocate draw_relocate() {
    commands::relocate moved;
    moved.term = 8 + below(2); // a term that is too low changes nothing
    for (auto left = 1 + below(4); left > 0; --left)
      moved.moves.push_back({{birth_us, below(12)},
                             static_cast<std::uint32_t>(below(3)),
                             static_cast<storage_id>(below(4)),
                             static_cast<storage_id>(below(5))});
    return moved;
  }

  static constexpr auto inode_type_count = static_cast<std::uint64_t>(inode_type_last) + 1;

  atl::spi::random_source random_;
  const model& known_;
  policy_id other_policy_;
  policy_id trash_policy_;
};

} // namespace names
