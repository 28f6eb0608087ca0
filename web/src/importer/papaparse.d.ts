declare module 'papaparse' {
  interface ParseConfig {
    delimiter?: string;
    delimitersToGuess?: string[];
    skipEmptyLines?: boolean | 'greedy';
    preview?: number;
  }
  const Papa: {
    parse<T>(text: string, config: ParseConfig): { data: T[]; errors: { type: string; code: string; row?: number }[]; meta: { delimiter: string } };
    unparse(rows: string[][], config?: { newline?: string }): string;
  };
  export default Papa;
}
