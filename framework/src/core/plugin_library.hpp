#pragma once

#include "plugin_image.hpp"

#define BOOST_DLL_USE_STD_FS
#include <boost/dll/shared_library.hpp>

#include <memory>
#include <vector>

namespace atl {

/// A plugin's library, mapped from a private copy of its bytes. Members are destroyed in reverse
/// order: the code first, then the libraries that it needs, the bytes last.
class plugin_library {
 public:
  /// Maps the image, and runs the library's static initializers. The error's message is the dynamic
  /// linker's, or what an initializer threw.
  /// @param file the library's own file: `$ORIGIN` in its search path means the folder of this
  /// file.
  static result<std::shared_ptr<plugin_library>> map(plugin_image image,
                                                     const std::filesystem::path& file);

  /// A symbol that `judge_plugin_bytes` has seen.
  template <class T>
  T& get(const std::string& symbol) {
    return code_.get<T>(symbol);
  }

 private:
  explicit plugin_library(plugin_image image) : image_{std::move(image)} {}
  void map_neighbours(const std::filesystem::path& file);

  plugin_image image_;
  std::vector<boost::dll::shared_library> neighbours_;
  boost::dll::shared_library code_;
};

} // namespace atl
