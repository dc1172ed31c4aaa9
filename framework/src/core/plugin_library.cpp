#include "plugin_library.hpp"

#include "elf_symbols.hpp"

#include <exception>
#include <optional>
#include <string>

namespace atl {

namespace {

namespace fs = std::filesystem;

/// All symbols are bound at once, so that a missing symbol is found here; no symbol is shared with
/// other libraries.
constexpr auto load_mode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local;

/// A folder of a search path that begins at the library itself; none when it does not begin there.
std::optional<fs::path> folder_from_origin(std::string_view entry, const fs::path& origin) {
  for (std::string_view variable : {"$ORIGIN", "${ORIGIN}"})
    if (entry.starts_with(variable))
      return (origin.string() + std::string{entry.substr(variable.size())});
  return std::nullopt;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

} // namespace

/// The copy has no folder, so the libraries beside the original file are mapped before the copy;
/// the dynamic linker then finds these libraries by name (their `DT_SONAME`).
void plugin_library::map_neighbours(const fs::path& file) {
  auto needs = needed_libraries(image_.file(), image_.size());
  if (!needs)
    return;
  for (auto& entry : needs->search_path)
    if (auto folder = folder_from_origin(entry, file.parent_path()))
      for (auto& name : needs->libraries) {
        std::error_code unknown;
        if (fs::exists(*folder / name, unknown))
          neighbours_.emplace_back(*folder / name, load_mode);
      }
}

result<std::shared_ptr<plugin_library>> plugin_library::map(plugin_image image,
                                                            const fs::path& file) {
  auto image_path = image.path().string();
  auto failed = [&](const std::string& why) {
    return fail(errc::refused, replaced(why, image_path, file.filename().string()));
  };
  try {
    std::shared_ptr<plugin_library> made{new plugin_library{std::move(image)}};
    made->map_neighbours(file);
    made->code_.load(made->image_.path(), load_mode);
    return made;
  } catch (const std::exception& thrown) {
    return failed(thrown.what());
  } catch (...) {
    return failed("it threw something that is no exception");
  }
}

} // namespace atl
