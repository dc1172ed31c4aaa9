#pragma once

#include <string>
#include <string_view>
#include <vector>

/// Member functions of a source, as `class::name`; an overloaded name stands once for each
/// overload.
struct member_functions {
  std::vector<std::string> declared; ///< without a body, so that one is needed elsewhere
  std::vector<std::string> defined;  ///< outside of their class
};

/// Reads C++ as far as it takes to tell scopes and statements apart. Leaves out what needs no body
/// or has its body elsewhere by habit: pure virtual, defaulted and deleted functions, friends,
/// templates, members of class templates, and operators.
member_functions find_member_functions(std::string_view text);
