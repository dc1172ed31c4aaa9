#include "storage/read_back.hpp"

#include "storage/fragment.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <span>
#include <string_view>

namespace dfs {

namespace {

/// Direct reads begin and end at multiples of this, in the file and in memory.
constexpr std::size_t alignment = 4096;
constexpr std::size_t step_bytes = 8 * block_size;
static_assert(block_size % alignment == 0);

struct free_memory {
  void operator()(void* memory) const { std::free(memory); }
};
using aligned_memory = std::unique_ptr<std::byte, free_memory>;

constexpr std::size_t aligned(std::size_t bytes) {
  return (bytes + alignment - 1) / alignment * alignment;
}

/// Reads at least `wanted` bytes, unless the file ends before. A direct read must not go on where a
/// shorter one has ended, so it is repeated as a whole.
std::int64_t read_step(disk& on, int fd, std::byte* into, std::size_t wanted,
                       std::uint64_t offset) {
  for (;;) {
    auto got = on.pread(fd, into, aligned(wanted), offset);
    if (got != -EINTR)
      return got;
  }
}

/// @returns 0 or the negative `errno`; -ENODATA if the file ends before `size` bytes.
int read_all(disk& on, int fd, std::uint64_t size, data_on_disk& out) {
  aligned_memory memory{static_cast<std::byte*>(std::aligned_alloc(alignment, step_bytes))};
  if (!memory)
    return -ENOMEM;
  out = {};
  for (std::uint64_t at = 0; at < size; at += step_bytes) {
    auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(step_bytes, size - at));
    auto got = read_step(on, fd, memory.get(), wanted, at);
    if (got < 0)
      return static_cast<int>(got);
    if (static_cast<std::size_t>(got) < wanted)
      return -ENODATA;
    std::span<const std::byte> bytes{memory.get(), wanted};
    out.crc = atl::crc32c({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, out.crc);
    for (std::size_t from = 0; from < wanted; from += block_size)
      out.block_crcs.push_back(block_crc(bytes.subspan(from, std::min(block_size, wanted - from))));
  }
  return 0;
}

int read_directly(disk& on, const std::string& path, std::uint64_t size, data_on_disk& out) {
  disk_file file{on, on.open(path, O_RDONLY | O_DIRECT)};
  return file ? read_all(on, file.fd(), size, out) : file.fd();
}

int forget_and_read(disk& on, const std::string& path, std::uint64_t size, data_on_disk& out) {
  disk_file file{on, on.open(path, O_RDONLY)};
  if (!file)
    return file.fd();
  on.forget_cached(file.fd(), 0, 0); // to its end
  return read_all(on, file.fd(), size, out);
}

} // namespace

atl::result<data_on_disk> read_back(disk& on, const std::string& path, std::uint64_t size) {
  data_on_disk out;
  auto done = read_directly(on, path, size, out);
  if (done == -EINVAL || done == -EOPNOTSUPP)
    done = forget_and_read(on, path, size, out);
  if (done == -ENODATA)
    return atl::fail(
        atl::errc::corrupt,
        fmt::format("{} is shorter on the disk than the {} bytes of its data", path, size));
  if (done < 0)
    return tl::unexpected{atl::system_error(-done, "cannot read back " + path)};
  return out;
}

} // namespace dfs
