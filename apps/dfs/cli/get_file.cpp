#include "cli/get_file.hpp"

#include "cli/file_attributes.hpp"
#include "cli/local_file.hpp"
#include "cli/output.hpp"

#include <atoll/core/printable_text.hpp>

#include <optional>

namespace dfs::cli {

namespace {

content_identity identity_of(const cluster_settings& cluster, const responses::entry& entry) {
  return {cluster.name, entry.inode, entry.attributes.btime_ns, entry.attributes.data_version,
          entry.attributes.size_bytes};
}

void note_resumption(const context& with, const std::string& remote, const local_file& file) {
  if (with.quiet)
    return;
  if (file.bytes_there() > 0)
    print_error("dfs: {}: goes on at byte {}\n", atl::printable(remote), file.bytes_there());
  if (file.has_begun_again())
    print_error("dfs: {}: has changed since a part of it was read; it is read from the beginning\n",
                atl::printable(remote));
}

/// The progress of a file of which so many bytes were there before.
progress_report add_to(const progress_report& report, std::uint64_t there) {
  if (!report || there == 0)
    return report;
  return [report, there](std::uint64_t done, std::uint64_t total) {
    report(there + done, there + total);
  };
}

/// Gives a file that is complete its attributes, if these are kept. @returns `bytes`
atl::result<std::uint64_t> finish(const get_arguments& what, const download_spec& file,
                                  std::uint64_t bytes) {
  if (what.preserve)
    if (auto applied = apply_attributes(file.local, file.entry.attributes); !applied)
      return tl::unexpected{applied.error()};
  return bytes;
}

} // namespace

atl::result<std::uint64_t> get_into_file(const context& with, file_client& files,
                                         const get_arguments& what, const download_spec& file,
                                         const progress_report& progress) {
  auto& attributes = file.entry.attributes;
  if (what.resume && what.preserve && has_size_and_time(file.local, attributes))
    return finish(what, file, attributes.size_bytes);
  auto made = what.resume ? local_file::resume(file.local, identity_of(*with.loaded, file.entry))
                          : local_file::create(file.local);
  if (!made)
    return tl::unexpected{made.error()};
  auto there = made->bytes_there();
  note_resumption(with, file.remote, *made);
  auto part = file.part;
  part.offset += there;
  std::optional<expected_content> expected;
  if (what.resume)
    expected = {file.entry.inode, attributes.data_version};
  auto read = files.get(file.remote, made->sink(), add_to(progress, there), part, expected,
                        made->retraction());
  if (!read)
    return read;
  if (auto kept = made->keep(); !kept)
    return tl::unexpected{kept.error()};
  return finish(what, file, there + *read);
}

} // namespace dfs::cli
