#pragma once

#include "names_fixture.hpp"
#include "namespace/query.hpp"

#include <vector>

/// A value of each kind that is encoded, with something in each field.
namespace names {

inline std::vector<single_action> some_actions() {
  chunk_record first{{birth_us, 1}, 100, {1, 2}, 3, 1};
  chunk_record second{{birth_us, 2}, 100, {2, 0}, 4, 1};
  auto with_chunks = new_file(at("/g"), {{0, 50, chunk_part{first, 7}},
                                         {60, 7, chunk_part{second, 1}},
                                         {80, 4, std::string{"text"}},
                                         {90, 5, hole{}}});
  with_chunks.inode.atime_ns = -1;
  with_chunks.inode.mtime_ns = 5;
  commands::set_attributes change{at("/g")};
  change.mode = 0600;
  change.uid = 1;
  change.gid = 2;
  change.size_bytes = 70;
  change.atime_ns = 4;
  change.now_mtime = true;
  change.drop_privileges = true;
  commands::write overwrite{at("/g")};
  overwrite.expected_data_version = 5;
  overwrite.mtime_ns = 9;
  overwrite.pieces = {{3, 4, std::string{"text"}}};
  auto with_options = two_copies();
  with_options.recovery_options = atl::spi::options{
      {{"k", std::int64_t{4}}, {"real", 1.5}, {"flag", true}, {"text", std::string{"x"}}}};
  return {new_directory(at("/a/b"), true),
          new_symlink(at("/s"), "target"),
          new_file(at("/f"), text_pieces("text")),
          with_chunks,
          commands::link{at("/f"), at("/a/l")},
          commands::rename{at("/f"), at("/h"), commands::rename::how::exchange, {1}},
          commands::unlink{at("/h"), commands::unlink::expect::not_directory, true, {1, 2}},
          change,
          overwrite,
          commands::clone_range{at("/g"), {5, ""}, 1, 2, 3},
          commands::set_xattr{at("/g"), "user.x", "value", commands::set_xattr::how::replace},
          commands::remove_xattr{at("/g"), "user.x"},
          commands::define_policy{with_options},
          commands::set_policy{at("/a"), 1, true},
          commands::register_storage{"node", "folder", true},
          commands::set_storage{1, storage_state::draining},
          commands::relocate{4, {{{birth_us, 1}, 1, 2, 3}, {{birth_us, 2}, 1, 0, 3}}},
          commands::configure{"key", "value", 3},
          commands::begin_mount{"laptop"},
          commands::end_mount{1},
          commands::release{1, {2, 3}},
          commands::collect_garbage{1, 2, 3, 4},
          commands::restore{1, at("/f"), 0700, 2, 3},
          commands::restore{1},
          commands::discard{{1, 2}},
          commands::replace_chunk{2, 3, 4, first.id, {second}, 1}};
}

inline std::vector<query_message> some_queries() {
  return {queries::stat{at("/f")},
          queries::list{at("/"), "a", 3},
          queries::open{at("/f"), 1},
          queries::get_xattr{at("/f"), "user.x"},
          queries::list_xattrs{at("/f"), "user.x"},
          queries::policy_of{at("/f")},
          queries::policies{1},
          queries::settings{"key"},
          queries::mounts{1},
          queries::summary{1},
          queries::chunks_on{1, {1, 2}, 3},
          queries::known{{{1, 2}, {3, 4}}},
          queries::all_chunks{{1, 2}, 3},
          queries::incomplete{1, {1, 2}, 3},
          queries::trash{at("/a"), 1, 2, 3},
          queries::unconverted{at("/a"), {{2, "b"}, {3, ""}}, 4}};
}

} // namespace names
