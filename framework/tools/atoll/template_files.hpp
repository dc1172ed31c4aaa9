#pragma once

#include <span>
#include <string_view>

/// A file of `templates/`, which the build embeds: NAME.in there is NAME here.
struct template_file {
  std::string_view path; ///< below `templates`, such as "balancer/NAME.cpp"
  std::string_view text;
};

std::span<const template_file> template_files();
