#include "edn.hpp"

#include <charconv>

namespace atl::sim {

namespace {

constexpr int depth_max = 64;
constexpr std::string_view delimiters = " \t\r\n,()[]{}\";";

} // namespace

const edn* edn::find(std::string_view key) const {
  if (auto* entries = std::get_if<map>(&value))
    for (auto& [name, entry] : *entries)
      if (auto* word = std::get_if<keyword>(&name.value); word && word->name == key)
        return &entry;
  return nullptr;
}

char edn_reader::take() {
  auto c = rest_.front();
  rest_.remove_prefix(1);
  line_ += c == '\n' ? 1 : 0;
  return c;
}

void edn_reader::skip_space() {
  while (!rest_.empty()) {
    auto c = rest_.front();
    if (c == ';')
      while (!rest_.empty() && rest_.front() != '\n')
        take();
    else if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',')
      take();
    else
      return;
  }
}

std::optional<edn::list> edn_reader::read_until(char close, int depth) {
  edn::list items;
  for (;;) {
    skip_space();
    if (rest_.empty())
      break;
    if (rest_.front() == close) {
      take();
      return items;
    }
    auto item = read(depth + 1);
    if (!item)
      break;
    items.push_back(std::move(*item));
  }
  failed_ = true;
  return std::nullopt;
}

std::optional<edn> edn_reader::read_string(edn form) {
  std::string text;
  while (!rest_.empty()) {
    auto c = take();
    if (c == '"') {
      form.value = std::move(text);
      return form;
    }
    if (c == '\\' && !rest_.empty())
      c = take();
    text += c;
  }
  failed_ = true;
  return std::nullopt;
}

std::optional<edn> edn_reader::read_token(edn form) {
  auto token = rest_.substr(0, rest_.find_first_of(delimiters));
  if (token.empty()) {
    failed_ = true; // a closing bracket without an opening one
    return std::nullopt;
  }
  rest_.remove_prefix(token.size());
  std::int64_t number = 0;
  auto [end, problem] = std::from_chars(token.data(), token.data() + token.size(), number);
  if (token == "nil")
    form.value = edn::nil{};
  else if (token.front() == ':')
    form.value = edn::keyword{std::string{token.substr(1)}};
  else if (problem == std::errc{} && end == token.data() + token.size())
    form.value = number;
  else
    form.value = edn::other{};
  return form;
}

std::optional<edn> edn_reader::read(int depth) {
  skip_space();
  if (rest_.empty())
    return std::nullopt;
  if (depth > depth_max) {
    failed_ = true;
    return std::nullopt;
  }
  edn form;
  form.line = line_;
  auto c = rest_.front();
  if (c == '#') { // a set, or a value with a tag
    take();
    if (!rest_.empty() && rest_.front() == '{') {
      take();
      auto items = read_until('}', depth);
      if (items)
        form.value = std::move(*items);
      return items ? std::optional{std::move(form)} : std::nullopt;
    }
    auto tag = rest_.substr(0, rest_.find_first_of(delimiters));
    rest_.remove_prefix(tag.size());
    return read(depth + 1);
  }
  if (c == '"') {
    take();
    return read_string(std::move(form));
  }
  if (c == '[' || c == '(' || c == '{') {
    take();
    auto items = read_until(c == '[' ? ']' : c == '(' ? ')' : '}', depth);
    if (!items)
      return std::nullopt;
    if (c != '{') {
      form.value = std::move(*items);
      return form;
    }
    if (items->size() % 2 != 0) {
      failed_ = true;
      return std::nullopt;
    }
    edn::map entries;
    for (std::size_t i = 0; i < items->size(); i += 2)
      entries.emplace_back(std::move((*items)[i]), std::move((*items)[i + 1]));
    form.value = std::move(entries);
    return form;
  }
  return read_token(std::move(form));
}

} // namespace atl::sim
