#include <atoll/core/sync.hpp>
#include <atoll/net/cluster_secret.hpp>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

namespace atl::net {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t file_bytes_max = 4096;

/// Owns a file descriptor.
class open_file {
 public:
  explicit open_file(int fd) : fd_{fd} {}
  ~open_file() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

int digit(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

bool parse_key(std::string_view text, std::array<std::uint8_t, key_bytes>& key) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  if (text.size() != 2 * key_bytes)
    return false;
  for (std::size_t i = 0; i < key_bytes; ++i) {
    auto high = digit(text[2 * i]);
    auto low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0)
      return false;
    key[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return true;
}

/// Reads at most a little more than a secret needs.
result<std::string> read_start(int fd, const std::string& name) {
  std::string text(file_bytes_max, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    auto got = ::read(fd, text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return tl::unexpected{system_error(errno, "can't read the secret '" + name + "'")};
    if (got == 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

status write_durably(int fd, std::string_view text) {
  while (!text.empty()) {
    auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return tl::unexpected{system_error(errno, "write")};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0 || ::fsync(fd) != 0)
    return tl::unexpected{system_error(errno, "fsync")};
  return {};
}

status write_key(int fd, const std::array<std::uint8_t, key_bytes>& key, const std::string& name) {
  std::string text;
  text.reserve(2 * key_bytes + 1); // a reallocation would leave a copy in memory
  for (auto byte : key)
    text += fmt::format("{:02x}", byte);
  text += '\n';
  auto written = write_durably(fd, text);
  OPENSSL_cleanse(text.data(), text.size());
  if (!written)
    return fail(written.error(), "can't write the secret '" + name + "'");
  return {};
}

} // namespace

cluster_secret::~cluster_secret() {
  OPENSSL_cleanse(key_.data(), key_.size());
}

result<cluster_secret> cluster_secret::load(const std::filesystem::path& file) {
  auto name = file.string();
  open_file opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (opened.get() < 0) {
    if (errno == ENOENT)
      return fail(errc::not_found, "there is no secret '" + name +
                                       "'; copy the file of another node of the cluster");
    if (errno == EACCES)
      return fail(errc::refused, "this user may not read the secret '" + name +
                                     "', which is its owner's alone; whoever needs it has a copy "
                                     "of their own");
    return tl::unexpected{system_error(errno, "can't open the secret '" + name + "'")};
  }
  struct stat info = {};
  if (::fstat(opened.get(), &info) != 0)
    return tl::unexpected{system_error(errno, "can't read the secret '" + name + "'")};
  if (!S_ISREG(info.st_mode))
    return fail(errc::invalid, "the secret '" + name + "' is no file");
  if ((info.st_mode & 077) != 0)
    return fail(errc::refused, fmt::format("others than its owner may use the secret '{}' (mode "
                                           "{:04o}); run 'chmod 600 {}'",
                                           name, info.st_mode & 07777, name));
  auto text = read_start(opened.get(), name);
  if (!text)
    return tl::unexpected{text.error()};
  cluster_secret secret;
  secret.is_set_ = parse_key(*text, secret.key_);
  OPENSSL_cleanse(text->data(), text->size());
  if (secret.empty())
    return fail(errc::invalid, fmt::format("the secret '{}' should hold {} hexadecimal digits; "
                                           "copy the file of another node of the cluster",
                                           name, 2 * key_bytes));
  return secret;
}

/// Writes a file beside and renames it: no process reads an incomplete secret, neither while the
/// file is written nor after a crash.
result<cluster_secret> cluster_secret::create(const std::filesystem::path& file) {
  auto name = file.string();
  auto failed = [&] {
    return tl::unexpected{system_error(errno, "can't create the secret '" + name + "'")};
  };
  cluster_secret secret;
  if (::RAND_bytes(secret.key_.data(), static_cast<int>(secret.key_.size())) != 1)
    return fail(errc::io, "the system gives no random bytes for the secret '" + name + "'");
  secret.is_set_ = true;
  auto unnamed = name + ".XXXXXX";
  open_file opened{::mkostemp(unnamed.data(), O_CLOEXEC)};
  if (opened.get() < 0)
    return failed();
  auto written = write_key(opened.get(), secret.key_, name);
  if (written && ::link(unnamed.c_str(), file.c_str()) != 0)
    written = errno == EEXIST ? fail(errc::exists, "the secret '" + name + "' exists already")
                              : status{failed()};
  ::unlink(unnamed.c_str());
  if (!written)
    return tl::unexpected{written.error()};
  auto folder = file.parent_path();
  if (auto synced = sync_to_disk(folder.empty() ? "." : folder); !synced)
    return tl::unexpected{synced.error()};
  return secret;
}

proof cluster_secret::prove(std::string_view label, std::string_view text) const {
  std::string message{label};
  message += '\0';
  message += text;
  proof out{};
  unsigned size = 0;
  // Zeros must never pass for a proof.
  if (::HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), out.data(),
             &size) == nullptr ||
      size != out.size())
    throw std::runtime_error{"the cryptographic library can't compute a proof"};
  return out;
}

bool equal(const proof& a, const proof& b) {
  return ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

} // namespace atl::net
