// Rules for the scripts of the report; each page's scripts are checked as the one they become.
import js from "@eslint/js";
import globals from "globals";

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals: globals.browser },
    rules: {
      complexity: ["error", 12],
      curly: ["error", "multi-line"],
      "default-param-last": "error",
      eqeqeq: "error",
      "max-depth": ["error", 3],
      "max-lines-per-function": ["error", { max: 160 }],
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-shadow": "error",
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      "prefer-template": "error",
    },
  },
];
