#include "input_file.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace {

namespace fs = std::filesystem;

/// A larger history can't be checked in the memory of one machine.
constexpr std::size_t input_bytes_max = std::size_t{2} << 30;

struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

} // namespace

atl::result<std::string> read_input(const fs::path& file) {
  auto unreadable = [&](const std::string& why) {
    return atl::fail(atl::errc::io, fmt::format("{} can't be read: {}", file.string(), why));
  };
  std::error_code unknown;
  if (fs::is_directory(file, unknown))
    return unreadable("it is a folder, and a file is expected");
  std::unique_ptr<std::FILE, close_file> in{std::fopen(file.c_str(), "rbe")};
  if (!in)
    return unreadable(std::generic_category().message(errno));
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (auto got = std::fread(buffer.data(), 1, buffer.size(), in.get())) {
    text.append(buffer.data(), got);
    if (text.size() > input_bytes_max)
      return unreadable(fmt::format("it has more than {} bytes", input_bytes_max));
  }
  if (std::ferror(in.get()))
    return unreadable(std::generic_category().message(errno));
  return text;
}
