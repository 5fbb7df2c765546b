// A small tool of two commands: what is said about wrong lines, and the texts made from its declarations.
#include "cli/Cli.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <gmock/gmock.h>

#include <filesystem>

using namespace heter::cli;
using ::testing::HasSubstr;
using ::testing::Not;

namespace {

struct Tool {
  Tool() {
    prepare(app, "1.2");
    app.require_subcommand(1);
    CLI::App *bake = app.add_subcommand("bake", "Bake a cake that is described at such length that no line of a "
                                                "terminal with eighty columns could ever hold it");
    bake->add_option("CAKE", cake, "What to bake")->type_name("CAKE")->required();
    bake->add_option("-o,--out", out, "Where it goes")->type_name("DIR")->required();
    bake->add_option("--heat", heat, "Degrees")->type_name("N")->check(wholeNumber(50, 300));
    bake->add_option("--mode", mode, "How")->type_name("slow|fast")->check(oneOf({"slow", "fast"}));
    bake->add_option("--with", with, "What goes in")->type_name("FILES..");
    bake->add_flag("--dry", dry, "Only look");
    bake->footer("Examples:\n  tool bake torte -o table --with cream cherries\n\nBon appetit.");
    CLI::App *box = app.add_subcommand("box", "Handle boxes");
    box->require_subcommand(1);
    box->add_subcommand("open", "Open a box");
  }
  std::string answer(const std::vector<std::string> &line, int exitCode = exitUsage) {
    std::optional<Answer> answer = parse(app, line);
    EXPECT_EQ(answer ? answer->exitCode : -1, exitCode);
    return answer ? answer->text : "the line was taken";
  }

  CLI::App app{"Bakes.", "tool"};
  std::string cake, out, mode;
  int heat = 0;
  std::vector<std::string> with;
  bool dry = false;
};

std::string wrong(const std::vector<std::string> &line) { return Tool().answer(line); }

TEST(CliTest, GoodLinesAreBound) {
  Tool tool;
  EXPECT_FALSE(parse(tool.app, {"bake", "torte", "-o", "table", "--heat=180", "--with", "a", "b", "--dry"}));
  EXPECT_EQ(tool.cake, "torte");
  EXPECT_EQ(tool.heat, 180);
  EXPECT_EQ(tool.with, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(tool.dry);
  Tool glued;
  EXPECT_FALSE(parse(glued.app, {"bake", "torte", "-otable"}));
  EXPECT_EQ(glued.out, "table");
  Tool nested;
  EXPECT_FALSE(parse(nested.app, {"box", "open"}));
}

TEST(CliTest, WrongLinesGiveOneSentence) {
  const std::string bake = "\nrun `tool bake --help` for how it is used\n";
  EXPECT_EQ(wrong({"bak"}),
            "tool: error: there is no command `bak`; did you mean `bake`?\nrun `tool --help` for how it "
            "is used\n");
  EXPECT_EQ(wrong({"bake", "--heta", "3"}), "tool: error: there is no flag `--heta`; did you mean `--heat`?" + bake);
  EXPECT_EQ(wrong({"bake", "-heat", "3"}), "tool: error: there is no flag `-heat`; did you mean `--heat`?" + bake);
  EXPECT_EQ(wrong({"bake", "x", "-o"}), "tool: error: `-o` wants a value: DIR" + bake);
  EXPECT_EQ(wrong({"bake", "x", "-o", "--heat", "60"}), "tool: error: `-o` wants a value: DIR" + bake);
  EXPECT_EQ(wrong({"bake", "x", "--out="}), "tool: error: `--out` wants a value: DIR" + bake);
  EXPECT_EQ(wrong({"bake", "x", "--dry=1"}), "tool: error: `--dry` takes no value" + bake);
  EXPECT_EQ(wrong({"bake", "x", "--heat", "60", "--heat", "70"}), "tool: error: `--heat` is given twice" + bake);
  EXPECT_EQ(wrong({"bake", "x", "-o", "t", "--heat", "20"}),
            "tool: error: --heat: expected a whole number from 50 to 300, got `20`" + bake);
  EXPECT_EQ(wrong({"bake", "x", "-o", "t", "--mode", "fats"}),
            "tool: error: --mode: expected slow or fast, got `fats`; did you mean `fast`?" + bake);
  EXPECT_EQ(wrong({"bake", "x"}), "tool: error: -o DIR is missing: Where it goes" + bake);
  EXPECT_EQ(wrong({"bake", "-o", "t"}), "tool: error: CAKE is missing: What to bake" + bake);
  EXPECT_EQ(wrong({"bake", "x", "y", "-o", "t"}), "tool: error: `y` is one argument too many" + bake);
  EXPECT_EQ(wrong({"box"}), "tool: error: a command is missing: tool box has open\nrun `tool box --help` for how it is "
                            "used\n");
  EXPECT_EQ(wrong({"help", "bakr"}), "tool: error: there is no command `bakr`; did you mean `bake`?\nrun `tool --help` "
                                     "for how it is used\n");
  EXPECT_EQ(wrong({"--completion", "fish"}), "tool: error: --completion: expected bash or zsh, got `fish`\nrun `tool "
                                             "--help` for how it is used\n");
}

TEST(CliTest, HelpFitsIn80Columns) {
  Tool tool;
  std::string text = tool.answer({"bake", "--help"}, 0);
  EXPECT_EQ(text, tool.answer({"help", "bake"}, 0));
  EXPECT_THAT(text, HasSubstr("usage: tool bake CAKE -o DIR [flags]\n"));
  EXPECT_THAT(text, HasSubstr("  -o, --out DIR           Where it goes\n"));
  EXPECT_THAT(text, HasSubstr("  --mode slow|fast        How\n"));
  EXPECT_THAT(text, HasSubstr("Examples:\n  tool bake torte"));
  text += tool.answer({}) + tool.answer({"box", "-h"}, 0);
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
    EXPECT_LE(text.find('\n', begin) - begin, 80u) << text.substr(begin, 100);
  EXPECT_EQ(tool.answer({"--version"}, 0), "tool 1.2\n");
}

TEST(CliTest, WrapBreaksBetweenWords) {
  EXPECT_EQ(wrap("one two three", 2, 9), "one two\n  three");
  EXPECT_EQ(wrap("unbreakableword x", 0, 5), "unbreakableword\nx");
}

TEST(CliTest, AManualPageACommand) {
  Tool tool;
  std::vector<ManPage> pages = manPages(tool.app);
  ASSERT_EQ(pages.size(), 4u);
  EXPECT_EQ(pages[1].file, "tool-bake.1");
  EXPECT_THAT(pages[1].text, HasSubstr("\\fB\\-o\\fR, \\fB\\-\\-out\\fR \\fIDIR\\fR\nWhere it goes\n"));
  EXPECT_THAT(pages[1].text, HasSubstr(".nf\ntool bake torte \\-o table \\-\\-with cream cherries\n"));
  EXPECT_THAT(pages[1].text, HasSubstr("Bon appetit."));
  EXPECT_EQ(pages[3].file, "tool-box-open.1");
}

TEST(CliTest, ShareIsLaidOutLikeUsrShare) {
  Tool tool;
  std::string pattern = (std::filesystem::temp_directory_path() / "heter-cli-XXXXXX").string();
  std::filesystem::path folder = ::mkdtemp(pattern.data());
  EXPECT_EQ(tool.answer({"--write-share", folder.string()}, 0), "");
  for (const char *file :
       {"man/man1/tool.1", "man/man1/tool-box-open.1", "bash-completion/completions/tool", "zsh/site-functions/_tool"})
    EXPECT_GT(std::filesystem::file_size(folder / file), 0u) << file;
  EXPECT_THAT(tool.answer({"--write-share", (folder / "man/man1/tool.1").string()}, 1),
              HasSubstr("tool: error: --write-share: cannot write `"));
  std::filesystem::remove_all(folder);
}

} // namespace
