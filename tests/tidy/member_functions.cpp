#include "member_functions.hpp"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <optional>
#include <regex>

namespace {

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// Where the literal that begins at `at` ends.
std::size_t literal_end(std::string_view text, std::size_t at) {
  bool is_raw = text[at] == '"' && at > 0 && text[at - 1] == 'R';
  if (is_raw) {
    auto open = text.find('(', at);
    auto close = ")" + std::string{text.substr(at + 1, open - at - 1)} + "\"";
    auto end = text.find(close, open);
    return end == text.npos ? text.size() : end + close.size();
  }
  auto quote = text[at++];
  while (at < text.size() && text[at] != quote)
    at += text[at] == '\\' ? 2 : 1;
  return std::min(at + 1, text.size());
}

std::size_t directive_end(std::string_view text, std::size_t at) {
  auto end = text.find('\n', at);
  while (end != text.npos && text[end - 1] == '\\')
    end = text.find('\n', end + 1);
  return std::min(end, text.size());
}

/// The text without comments, literals and preprocessor directives.
std::string code_of(std::string_view text) {
  std::string code;
  bool begins_line = true;
  for (std::size_t at = 0; at < text.size();) {
    auto rest = text.substr(at);
    if (rest.starts_with("//")) {
      at = std::min(text.find('\n', at), text.size());
    } else if (rest.starts_with("/*")) {
      at = std::min(text.find("*/", at + 2), text.size() - 2) + 2;
    } else if (begins_line && rest.front() == '#') {
      at = directive_end(text, at);
    } else if (rest.front() == '"' ||
               (rest.front() == '\'' && (at == 0 || !is_word(text[at - 1])))) { // not 1'000
      at = literal_end(text, at);
      begins_line = false;
    } else {
      if (rest.front() == '\n')
        begins_line = true;
      else if (std::isspace(static_cast<unsigned char>(rest.front())) == 0)
        begins_line = false;
      code += rest.front();
      ++at;
    }
  }
  return code;
}

bool has_word(const std::string& statement, const char* words) {
  return std::regex_search(statement, std::regex{std::string{"\\b("} + words + ")\\b"});
}

/// The name of the function that a statement of a class declares, unless it needs no body
/// elsewhere.
std::optional<std::string> declared_name(const std::string& statement) {
  static const std::regex no_body_needed{R"(=\s*(0|default|delete)\s*$)"};
  if (has_word(statement, "friend|using|typedef|template|operator|static_assert") ||
      std::regex_search(statement, no_body_needed))
    return std::nullopt;
  int angles = 0;
  std::size_t open = 0;
  for (; open < statement.size(); ++open) {
    auto c = statement[open];
    angles += c == '<' ? 1 : c == '>' ? -1 : 0;
    if (angles == 0 && c == '=')
      return std::nullopt; // a value with its initializer
    if (angles == 0 && c == '(')
      break;
  }
  static const std::regex last_name{R"((~?[A-Za-z_]\w*)\s*$)"};
  std::smatch found;
  auto before = statement.substr(0, open);
  if (open == statement.size() || !std::regex_search(before, found, last_name))
    return std::nullopt;
  static const std::regex pointer{R"(^\(\s*([\w:]+::)?[*&])"};
  bool is_pointer = std::regex_search(statement.substr(open), pointer);
  bool is_macro = std::ranges::none_of(found[1].str(), [](char c) { return std::islower(c) != 0; });
  if (is_pointer || is_macro)
    return std::nullopt;
  return found[1].str();
}

enum class scope_kind { outside, in_class, in_class_template, in_body };

struct scope {
  scope_kind kind = scope_kind::outside;
  std::string name; ///< of a class
};

class reader {
 public:
  member_functions read(const std::string& code) {
    for (auto c : code)
      take(c);
    return std::move(found_);
  }

 private:
  void take(char c) {
    if (c == '{')
      return open();
    if (c == '}')
      return close();
    if (scopes_.back().kind == scope_kind::in_body)
      return;
    parentheses_ += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ';' && parentheses_ == 0)
      return end_statement();
    statement_ += c;
    drop_access_specifier();
  }

  void drop_access_specifier() {
    static const std::regex specifier{R"(^\s*(public|private|protected)\s*:$)"};
    if (statement_.back() == ':' && std::regex_match(statement_, specifier))
      statement_.clear();
  }

  void open() {
    scopes_.push_back(opened_scope());
    if (scopes_.back().kind != scope_kind::in_body)
      statement_.clear();
  }

  scope opened_scope() {
    static const std::regex head{
        R"(\b(?:class|struct|union)\s+(?:\[\[\w+\]\]\s*)?(?:[\w:]*::)?(\w+)\s*(?:\bfinal\s*)?(?::[^:][\s\S]*)?$)"};
    static const std::regex space{R"(^\s*(inline\s+)?namespace\b[^(]*$|^\s*extern\s*$)"};
    if (scopes_.back().kind == scope_kind::in_body || parentheses_ > 0)
      return {scope_kind::in_body, {}};
    std::smatch found;
    if (!has_word(statement_, "enum") && statement_.find('(') == statement_.npos &&
        std::regex_search(statement_, found, head))
      return {has_word(statement_, "template") ? scope_kind::in_class_template
                                               : scope_kind::in_class,
              found[1].str()};
    if (std::regex_search(statement_, space))
      return {};
    if (scopes_.back().kind == scope_kind::outside)
      note_definitions();
    return {scope_kind::in_body, {}};
  }

  void close() {
    bool was_body = scopes_.back().kind == scope_kind::in_body;
    if (scopes_.size() > 1)
      scopes_.pop_back();
    bool is_done = scopes_.back().kind != scope_kind::in_body && parentheses_ == 0;
    if (is_done || !was_body)
      statement_.clear();
  }

  void end_statement() {
    static const std::regex is_defaulted{R"(=\s*default\s*$)"};
    auto& in = scopes_.back();
    if (in.kind == scope_kind::in_class) {
      if (auto name = declared_name(statement_))
        found_.declared.push_back(in.name + "::" + *name);
    } else if (in.kind == scope_kind::outside && std::regex_search(statement_, is_defaulted)) {
      note_definitions();
    }
    statement_.clear();
  }

  void note_definitions() {
    static const std::regex qualified{R"((\w+)\s*::\s*(~?\w+)\s*\()"};
    for (std::sregex_iterator at{statement_.begin(), statement_.end(), qualified}, end; at != end;
         ++at)
      found_.defined.push_back((*at)[1].str() + "::" + (*at)[2].str());
  }

  member_functions found_;
  std::vector<scope> scopes_{scope{}};
  std::string statement_; ///< the text since the end of the last statement
  int parentheses_ = 0;   ///< open parentheses in the statement
};

} // namespace

member_functions find_member_functions(std::string_view text) {
  return reader{}.read(code_of(text));
}
