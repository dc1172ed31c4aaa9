#include "config_files.hpp"

#include "path_rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <vector>

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t file_bytes_max = 1 << 20;
constexpr std::size_t files_max = 64; // includes may fan out again and again

class config_reader {
 public:
  result<config_table> read(const fs::path& file) {
    auto text = contents(file);
    return text ? read_text(*text, file) : tl::unexpected<error>{text.error()};
  }

  result<config_table> read_text(std::string_view text, const fs::path& file) {
    auto own = parse_toml(text, file.string());
    if (!own)
      return own;
    auto included = std::find_if(own->entries.begin(), own->entries.end(),
                                 [](auto& entry) { return entry.key == "include"; });
    if (included == own->entries.end())
      return own;
    std::error_code unresolved;
    open_.push_back(fs::weakly_canonical(file, unresolved));
    auto value = std::move(included->value);
    own->entries.erase(included);
    config_table base;
    if (auto read = include(value, file.parent_path(), base); !read)
      return tl::unexpected<error>{read.error()};
    open_.pop_back();
    merge(base, std::move(*own));
    return base;
  }

 private:
  static tl::unexpected<error> wrong(const config_value& value, std::string_view what) {
    return fail(errc::invalid, fmt::format("{}: {}", value.where.text(), what));
  }

  static result<std::string> contents(const fs::path& file) {
    std::error_code problem;
    auto kind = fs::status(file, problem);
    if (!fs::exists(kind))
      return fail(errc::not_found, fmt::format("{}: there is no such file", file.string()));
    // A pipe would never end, and opening it might never return.
    if (!fs::is_regular_file(kind))
      return fail(errc::invalid, fmt::format("{}: is not a regular file", file.string()));
    if (auto size = fs::file_size(file, problem); problem || size > file_bytes_max)
      return fail(errc::invalid,
                  fmt::format("{}: is larger than {} bytes, which no configuration is",
                              file.string(), file_bytes_max));
    std::ifstream in{file, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (!in)
      return tl::unexpected<error>{
          system_error(errno, fmt::format("{}: can't be read", file.string()))};
    return text;
  }

  status include(const config_value& value, const fs::path& folder, config_table& base) {
    if (auto* many = std::get_if<std::vector<config_value>>(&value.value)) {
      for (auto& each : *many)
        if (auto read = include_one(each, folder, base); !read)
          return read;
      return {};
    }
    return include_one(value, folder, base);
  }

  status include_one(const config_value& value, const fs::path& folder, config_table& base) {
    auto* name = std::get_if<std::string>(&value.value);
    if (!name || name->empty())
      return wrong(value, fmt::format("include takes a path in quotes or a list of them, found {}",
                                      value.describe()));
    if (auto refusal = path_refusal(*name))
      return wrong(value, "include " + *refusal);
    auto file = (folder / *name).lexically_normal();
    std::error_code unresolved;
    auto place = fs::weakly_canonical(file, unresolved);
    if (std::find(open_.begin(), open_.end(), place) != open_.end())
      return wrong(value, fmt::format("{} includes itself by way of this file", file.string()));
    if (++files_ > files_max)
      return wrong(value, fmt::format("more than {} files are included", files_max));
    if (!fs::exists(place, unresolved))
      return wrong(value, fmt::format("there is no file {} to include", file.string()));
    auto table = read(file);
    if (!table)
      return tl::unexpected<error>{table.error()};
    merge(base, std::move(*table));
    return {};
  }

  std::vector<fs::path> open_; ///< the files being read, each included by the one before
  std::size_t files_ = 0;
};

} // namespace

result<config_table> read_config_files(const fs::path& file) {
  return config_reader{}.read(file);
}

result<config_table> read_config_text(std::string_view text, const fs::path& file) {
  return config_reader{}.read_text(text, file);
}

} // namespace atl
