#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Member functions of a source, as `class::name`; an overloaded name is listed once for each
/// overload.
struct member_functions {
  std::vector<std::string> declared; ///< without a body, so that a definition is needed elsewhere
  std::vector<std::string> defined;  ///< outside of their class
};

/// Parses C++ just far enough to find scopes and statements. Leaves out functions that need no body
/// or usually have it elsewhere: pure virtual, defaulted and deleted functions, friends,
/// templates, members of class templates, and operators.
member_functions find_member_functions(std::string_view text);
