/** Typed events without a library. */
export class Emitter<E extends object> {
  #heard = new Map<keyof E, Set<(value: never) => void>>();

  on<K extends keyof E>(name: K, heard: (value: E[K]) => void): () => void {
    const set = this.#heard.get(name) ?? new Set();
    this.#heard.set(name, set);
    set.add(heard as (value: never) => void);
    return () => set.delete(heard as (value: never) => void);
  }

  emit<K extends keyof E>(name: K, value: E[K]): void {
    for (const heard of this.#heard.get(name) ?? []) (heard as (value: E[K]) => void)(value);
  }
}
