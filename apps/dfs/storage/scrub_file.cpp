#include "storage/scrub_file.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/spi/codec.hpp>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>

namespace dfs {

namespace {

constexpr std::uint32_t magic = 0x42524353; // "SCRB"
constexpr std::uint32_t format_version = 1;
constexpr std::size_t file_bytes_max = 4096;

tl::unexpected<atl::error> failed(int code, const std::string& what) {
  return tl::unexpected{atl::system_error(-code, what)};
}

} // namespace

std::string encode_scrub_position(const scrub_position& position) {
  atl::spi::writer out;
  out.put(magic).put(format_version);
  out.put(position.is_under_way).put(position.pace).put(position.run);
  out.put(position.next.chunk.made_us).put(position.next.chunk.random).put(position.next.fragment);
  protocol::write(out, position.status);
  auto crc = atl::crc32c(out.view());
  return out.put(crc).take();
}

atl::result<scrub_position> decode_scrub_position(std::string_view bytes) {
  atl::spi::reader in{bytes};
  auto is_ours = in.get<std::uint32_t>() == magic && in.get<std::uint32_t>() == format_version;
  scrub_position position;
  position.is_under_way = in.get<bool>();
  position.pace = in.get_enum(scrub_pace_last);
  position.run = in.get<std::uint64_t>();
  position.next.chunk.made_us = in.get<std::uint64_t>();
  position.next.chunk.random = in.get<std::uint64_t>();
  position.next.fragment = in.get<std::uint32_t>();
  protocol::read(in, position.status);
  auto checked = bytes.size() - in.rest().size();
  auto crc = in.get<std::uint32_t>();
  if (!is_ours || !in.done() || atl::crc32c(bytes.substr(0, checked)) != crc)
    return atl::fail(atl::errc::corrupt, "not the position of a scrub, or damaged");
  return position;
}

atl::status save_scrub_position(const std::string& path, const scrub_position& position, disk& on) {
  auto temporary = path + ".new";
  disk_file file{on, on.open(temporary, O_WRONLY | O_CREAT | O_TRUNC)};
  if (!file)
    return failed(file.fd(), "cannot create " + temporary);
  auto bytes = encode_scrub_position(position);
  if (auto done = write_fully(on, file.fd(), bytes.data(), bytes.size(), 0); done < 0)
    return failed(done, "cannot write " + temporary);
  if (auto done = on.fdatasync(file.fd()); done < 0)
    return failed(done, "cannot sync " + temporary);
  if (auto done = file.close(); done < 0)
    return failed(done, "cannot close " + temporary);
  if (auto done = on.rename(temporary, path); done < 0)
    return failed(done, "cannot rename " + temporary);
  if (auto done = on.fsync_dir(std::filesystem::path{path}.parent_path().string()); done < 0)
    return failed(done, "cannot sync the folder of " + path);
  return {};
}

atl::result<scrub_position> load_scrub_position(const std::string& path, disk& on) {
  disk_file file{on, on.open(path, O_RDONLY)};
  if (file.fd() == -ENOENT)
    return atl::fail(atl::errc::not_found, "no scrub has begun yet");
  if (!file)
    return failed(file.fd(), "cannot open " + path);
  std::string bytes(file_bytes_max, '\0');
  auto got = read_fully(on, file.fd(), bytes.data(), bytes.size(), 0);
  if (got < 0)
    return failed(static_cast<int>(got), "cannot read " + path);
  bytes.resize(static_cast<std::size_t>(got));
  auto position = decode_scrub_position(bytes);
  if (!position)
    return atl::fail(position.error(), path);
  return position;
}

} // namespace dfs
